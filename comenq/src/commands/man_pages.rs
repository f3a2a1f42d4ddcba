//! `comenq man-pages`: the manual pages, from the same definitions as `--help`.
//!
//! Decides what stands in them beside the definitions: examples, exit codes, the
//! environment, caveats. For whoever packages comenq.

use std::{fs, io::Write as _, path::Path};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::Context;
use crate::{
    cli::{GROUPS, ManPagesArgs, definition},
    exit::Exit,
    failure::Failure,
};

/// Wide enough for anything that is filled again by man.
const WIDTH: usize = 100;

const EXIT_STATUS: [(&str, &str); 10] = [
    (
        "0",
        "Done. Of post: queued, not yet posted. Of health: the daemon is well.",
    ),
    (
        "1",
        "Unexpected, or trouble of the daemon, such as a full disk. Of health: degraded. Of doctor: something is wrong.",
    ),
    (
        "2",
        "Wrong usage or input; no such account, or one must be named; a question was answered with no.",
    ),
    (
        "3",
        "The daemon cannot be reached, or did not answer in time. If a comment may have been queued, the error names the key to repeat with.",
    ),
    (
        "4",
        "Refused: this user may not do that, not there, not as that account, or not so much; or a stranger listens on the socket.",
    ),
    (
        "5",
        "No such job, or its state forbids it, or it may have been posted.",
    ),
    ("6", "A job that was waited for will not be posted."),
    ("7", "The wait for a job took longer than its limit."),
    (
        "8",
        "Client and daemon speak no common version of the protocol, or one of them is too old for this; the message says which to update.",
    ),
    ("130", "Ctrl-C ended a wait. The jobs are as they were."),
];

const ENVIRONMENT: [(&str, &str); 10] = [
    (
        "COMENQ_SOCKET",
        "The daemon's socket. Without it a user's own service is asked ($XDG_RUNTIME_DIR/comenq/comenq.sock) if it answers, else the system's (/run/comenq/comenq.sock).",
    ),
    (
        "COMENQ_HOST",
        "[USER@]HOST or ssh://[USER@]HOST[:PORT]: ask the daemon there, over ssh.",
    ),
    (
        "COMENQ_SSH",
        "The program that is run for that, instead of ssh. It gets ssh's arguments.",
    ),
    (
        "COMENQ_TRUST_SOCKET",
        "1: speak to whoever listens on the socket.",
    ),
    (
        "COMENQ_PAGER, PAGER",
        "The pager for long lists on a terminal; less without them. cat or nothing: none.",
    ),
    ("VISUAL, EDITOR", "The editor for post -e and edit."),
    ("NO_COLOR", "Set to anything: no colours."),
    (
        "COLUMNS",
        "The width that lists are fitted to, instead of the terminal's.",
    ),
    (
        "GH_REPO",
        "[HOST/]OWNER/REPO: the repository of a number alone, instead of the git checkout's.",
    ),
    (
        "GH_HOST",
        "A GitHub host besides github.com whose remotes are looked at in a git checkout.",
    ),
];

const EXAMPLES: &str = "\
comenq post owner/repo 123 \"text\"
comenq post '#123' -e --wait
make report | comenq post owner/repo#123 --at 'tomorrow 9:00'
comenq list --timeline
comenq show 7
comenq cancel --repo owner/repo --state held
comenq --host ssh://user@mybox list
comenq doctor";

const CAVEATS: &str = "\
A key is known only to the daemon that got it. Where a user has a daemon of their own, repeat with \
--socket (or COMENQ_SOCKET) and the socket that the error names: without it the system's daemon is \
asked if the other has stopped answering, and that one knows nothing of the key.";

/// The pages that are written by hand, in `systemd/man`.
const OF_COMENQ: &str = "comenqd.toml(5), comenq-operations(7), comenq-protocol(7), comenqd(8)";
const OF_A_VERB: &str = "comenq(1), comenq-operations(7), comenqd(8)";

pub(super) fn run(args: &ManPagesArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let directory = args.directory.as_path();
    let mut definition = definition(WIDTH).override_help("");
    definition.build();
    let mut written = vec![write(directory, "comenq.1", &main_page(&definition))?];
    for verb in definition
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
    {
        if verb.get_name() == "help" {
            continue;
        }
        let name = format!("comenq-{}.1", verb.get_name());
        written.push(write(directory, &name, &verb_page(verb))?);
    }
    context.output.text(&written.concat())
}

fn write(directory: &Path, name: &str, page: &[u8]) -> Result<String, Failure> {
    let path = directory.join(name);
    let file = fs::File::create(&path).and_then(|mut file| file.write_all(page));
    file.map_err(|error| {
        let text = format!("cannot write {}: {error}", path.display());
        Failure::new("output", Exit::Usage, text).with_detail("name an existing directory")
    })?;
    Ok(format!("{}\n", path.display()))
}

/// comenq(1): what it is, the verbs by group, and what holds for all of them.
fn main_page(definition: &Command) -> Vec<u8> {
    let man = Man::new(definition.clone());
    let mut page = Vec::new();
    let parts = [
        man.render_title(&mut page),
        man.render_name_section(&mut page),
        man.render_synopsis_section(&mut page),
        man.render_description_section(&mut page),
        man.render_options_section(&mut page),
        verbs().to_writer(&mut page),
        terms("EXIT STATUS", &EXIT_STATUS).to_writer(&mut page),
        terms("ENVIRONMENT", &ENVIRONMENT).to_writer(&mut page),
        examples(EXAMPLES).to_writer(&mut page),
        see_also(OF_COMENQ).to_writer(&mut page),
        prose("CAVEATS", CAVEATS).to_writer(&mut page),
    ];
    debug_assert!(parts.iter().all(Result::is_ok), "a vector takes everything");
    page
}

/// comenq-VERB(1); its help's last part is the examples.
fn verb_page(verb: &Command) -> Vec<u8> {
    let name = format!("comenq-{}", verb.get_name());
    let after = verb
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let (notes, shown) = split_examples(&after);
    let verb = verb.clone().display_name(name).after_help("").version("");
    let man = Man::new(verb);
    let mut page = Vec::new();
    let parts = [
        man.render_title(&mut page),
        man.render_name_section(&mut page),
        man.render_synopsis_section(&mut page),
        man.render_description_section(&mut page),
        man.render_options_section(&mut page),
        prose("NOTES", &notes).to_writer(&mut page),
        examples(&shown).to_writer(&mut page),
        terms("EXIT STATUS", &EXIT_STATUS).to_writer(&mut page),
        see_also(OF_A_VERB).to_writer(&mut page),
    ];
    debug_assert!(parts.iter().all(Result::is_ok), "a vector takes everything");
    page
}

/// The examples of a help text, and what else it says.
fn split_examples(after: &str) -> (String, String) {
    let is_head = |part: &&str| part.starts_with("Example");
    let parts: Vec<_> = after.split("\n\n").collect();
    let rest: Vec<_> = parts
        .iter()
        .filter(|part| !is_head(part))
        .copied()
        .collect();
    let shown = parts.iter().find(|part| is_head(part));
    let shown = shown
        .and_then(|part| part.split_once('\n'))
        .map_or("", |(_, lines)| lines);
    let shown: Vec<_> = shown
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line))
        .collect();
    (rest.join("\n\n"), shown.join("\n"))
}

fn verbs() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for (group, verbs) in GROUPS {
        roff.control("SS", [group]);
        for (verb, about) in verbs {
            roff.control("TP", []);
            roff.text([bold(format!("comenq-{verb}")), roman("(1)")]);
            roff.text([roman(*about)]);
        }
    }
    roff
}

fn terms(title: &str, entries: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
    roff
}

fn prose(title: &str, text: &str) -> Roff {
    let mut roff = Roff::new();
    if text.is_empty() {
        return roff;
    }
    roff.control("SH", [title]);
    for paragraph in text.split("\n\n") {
        roff.control("PP", []);
        // What is laid out by hand keeps its lines.
        let is_laid_out = paragraph.lines().any(|line| line.starts_with("  "));
        if is_laid_out {
            roff.control("nf", []);
        }
        roff.text([roman(paragraph)]);
        if is_laid_out {
            roff.control("fi", []);
        }
    }
    roff
}

fn examples(lines: &str) -> Roff {
    let mut roff = Roff::new();
    if lines.is_empty() {
        return roff;
    }
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

fn see_also(pages: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(pages)]);
    roff
}
