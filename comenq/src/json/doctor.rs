//! The JSON of `doctor`.

use serde::Serialize;

use crate::commands::{Finding, Verdict};

/// `doctor`.
#[derive(Serialize)]
pub(crate) struct DoctorDocument<'a> {
    checks: Vec<CheckJson<'a>>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    name: &'a str,
    verdict: &'static str,
    what: &'a str,
    mend: Option<&'a str>,
}

impl<'a> From<&'a [Finding]> for DoctorDocument<'a> {
    fn from(findings: &'a [Finding]) -> Self {
        let check = |finding: &'a Finding| CheckJson {
            name: finding.name,
            verdict: match finding.verdict {
                Verdict::Good => "ok",
                Verdict::Warning => "warning",
                Verdict::Bad => "failed",
            },
            what: &finding.what,
            mend: finding.mend.as_deref(),
        };
        Self {
            checks: findings.iter().map(check).collect(),
        }
    }
}
