//! `comenq doctor`: what is wrong here, and the command that mends it.
//!
//! Decides what is looked at, in the order in which one thing needs the other: the
//! units, the socket, the handshake, the store, the accounts, the clock. Exit code 0
//! when nothing has failed, warnings or not; 1 otherwise.

mod daemon;
mod socket;

use std::fmt::Write as _;

use super::Context;
use crate::{
    exit::Exit,
    failure::Failure,
    json::DoctorDocument,
    output::{Output, plain_line},
    terminal::{BAD, GOOD, WARNING},
};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should be.
    Good,
    /// Works, but somebody should look at it.
    Warning,
    /// Does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What: stable, for programs.
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
    /// What mends it.
    pub(crate) mend: Option<String>,
}

impl Finding {
    fn good(name: &'static str, what: impl Into<String>) -> Self {
        Self::new(name, Verdict::Good, what, None)
    }

    fn warning(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(name, Verdict::Warning, what, Some(mend.into()))
    }

    fn bad(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(name, Verdict::Bad, what, Some(mend.into()))
    }

    fn new(
        name: &'static str,
        verdict: Verdict,
        what: impl Into<String>,
        mend: Option<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            what: what.into(),
            mend,
        }
    }
}

pub(super) fn run(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut findings = socket::look(context);
    findings.extend(daemon::look(context));
    let output = &mut context.output;
    if output.is_json() {
        output.json(DoctorDocument::from(findings.as_slice()))?;
    } else {
        let text = report(&findings, output);
        output.text(&text)?;
    }
    let is_bad = findings.iter().any(|it| it.verdict == Verdict::Bad);
    Ok(if is_bad { Exit::Trouble } else { Exit::Done })
}

fn report(findings: &[Finding], output: &Output<'_>) -> String {
    const VERDICT: usize = 9;
    const NAME: usize = 10;
    let look = output.look();
    let mut text = String::new();
    for finding in findings {
        let (style, word) = match finding.verdict {
            Verdict::Good => (GOOD, "ok"),
            Verdict::Warning => (WARNING, "warning"),
            Verdict::Bad => (BAD, "FAILED"),
        };
        let verdict = look.paint(style, format!("{word:VERDICT$}"));
        let what = plain_line(&finding.what);
        let _infallible = writeln!(text, "{verdict}{:NAME$}{what}", finding.name);
        for line in finding.mend.iter().flat_map(|mend| mend.lines()) {
            let gap = VERDICT + NAME;
            let _infallible = writeln!(text, "{:gap$}mend it: {}", "", plain_line(line));
        }
    }
    text + &summary(findings)
}

fn summary(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    match (count(Verdict::Bad), count(Verdict::Warning)) {
        (0, 0) => "all is well\n".to_owned(),
        (0, warnings) => format!("it works; {warnings} to look at\n"),
        (bad, 0) => format!("{bad} failed\n"),
        (bad, warnings) => format!("{bad} failed, {warnings} to look at\n"),
    }
}
