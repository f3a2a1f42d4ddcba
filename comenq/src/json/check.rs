//! The JSON of `post --dry-run`.

use comenq_proto::{JobChecked, JobSubmit};
use serde::Serialize;

use crate::times::rfc3339;

/// `post --dry-run`.
#[derive(Serialize)]
pub(crate) struct CheckJson<'a> {
    /// Whether the daemon was asked; if not, what only it knows is null.
    pub(crate) asked_daemon: bool,
    pub(crate) would_queue: Vec<CheckedJson<'a>>,
    pub(crate) notes: &'a [String],
}

#[derive(Serialize)]
pub(crate) struct CheckedJson<'a> {
    owner: &'a str,
    repo: &'a str,
    number: u64,
    account: Option<&'a str>,
    duplicate_of: Option<u64>,
    position: Option<u64>,
    expected_at: Option<String>,
    not_before: Option<String>,
    expires_at: Option<String>,
    same_text_as: Option<u64>,
    superseded: &'a [u64],
    notes: &'a [String],
}

impl<'a> From<(&'a JobSubmit, Option<&'a JobChecked>)> for CheckedJson<'a> {
    fn from((job, checked): (&'a JobSubmit, Option<&'a JobChecked>)) -> Self {
        let time = |at: fn(&JobChecked) -> Option<i64>| checked.and_then(at).and_then(rfc3339);
        Self {
            owner: &job.owner,
            repo: &job.repo,
            number: job.number,
            account: checked.map_or(job.account.as_deref(), |it| Some(&it.account)),
            duplicate_of: checked.and_then(|it| it.duplicate_of),
            position: checked.and_then(|it| it.position),
            expected_at: time(|it| it.expected_at_ms),
            not_before: time(|it| it.not_before_ms),
            expires_at: time(|it| it.expires_at_ms),
            same_text_as: checked.and_then(|it| it.same_text_as),
            superseded: checked
                .map(|it| it.superseded.as_slice())
                .unwrap_or_default(),
            notes: checked.map(|it| it.notes.as_slice()).unwrap_or_default(),
        }
    }
}
