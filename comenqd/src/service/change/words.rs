//! Why a verb is not possible, and what is.
//!
//! Decides the words of a refusal by verb and state: what was asked for, what is in its way, and
//! what to do instead. Called by `change` with the job as it stands. Must not know how a verb
//! works, nor what the store answers to other requests.

use comenq_proto::{ErrorCode, WireError};

use crate::queue::{Job, QueueError, State, Verb};

/// A verb as it is named to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Deed {
    /// Never post it.
    Cancel,
    /// Another text.
    Edit,
    /// Keep it.
    Hold,
    /// Let it go on.
    Release,
    /// Revive it.
    Retry,
    /// To the front.
    Bump,
    /// Next, without waiting.
    PostNow,
    /// Gone.
    Purge,
}

impl From<&Verb> for Deed {
    fn from(verb: &Verb) -> Self {
        match verb {
            Verb::Cancel => Self::Cancel,
            Verb::Edit { .. } => Self::Edit,
            Verb::Hold => Self::Hold,
            Verb::Release => Self::Release,
            Verb::Retry => Self::Retry,
            Verb::Bump => Self::Bump,
        }
    }
}

impl Deed {
    /// What the job cannot be.
    const fn done(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Edit => "edited",
            Self::Hold => "held",
            Self::Release => "released",
            Self::Retry => "retried",
            Self::Bump => "brought to the front",
            Self::PostNow => "posted now",
            Self::Purge => "purged",
        }
    }
}

/// The refusal of a verb that the job's state forbids; `None`: it was refused for something else.
pub(super) fn refusal(deed: Deed, job: &Job, error: &QueueError) -> Option<WireError> {
    let (code, (reason, advice)) = match error {
        QueueError::WrongState { .. } => (ErrorCode::WrongState, settled(deed, job)),
        QueueError::Busy(_) => (ErrorCode::JobBusy, busy(job)),
        QueueError::Unresolved(_) => (ErrorCode::Unresolved, unresolved(job)),
        _ => return None,
    };
    let text = format!("job #{} cannot be {}: {reason}", job.id, deed.done());
    Some(WireError::new(code, text).with_detail(advice))
}

fn busy(job: &Job) -> (String, String) {
    let reason = "it is being posted right now".to_owned();
    let advice = format!(
        "its outcome is known in a moment: `comenq show {}` tells; then try again",
        job.id
    );
    (reason, advice)
}

fn unresolved(job: &Job) -> (String, String) {
    let id = job.id;
    let reason = "it may have been posted already, which is not known yet".to_owned();
    let advice = match job.state {
        State::Held => format!(
            "`comenq release {id}` looks for it and posts it, as it is, only if it is not there; \
             `comenq cancel {id}` drops it"
        ),
        _ => format!(
            "wait until its outcome is known (`comenq show {id}` tells), or `comenq cancel {id}`: \
             then it is never posted again"
        ),
    };
    (reason, advice)
}

/// What stands in the way for good, or until another verb is used.
fn settled(deed: Deed, job: &Job) -> (String, String) {
    let id = job.id;
    match job.state {
        State::Posted => posted(deed, job),
        State::Failed => ("it has failed".to_owned(), failed(deed, job)),
        state if deed == Deed::Purge && !state.is_finished() => (
            format!("it is {}, and only finished jobs can be", state.as_str()),
            format!("`comenq cancel {id}` ends it"),
        ),
        State::Held => (
            "it is held".to_owned(),
            format!("`comenq release {id}` lets it go on"),
        ),
        State::Cancelled | State::Expired => {
            let reason = match job.state {
                State::Cancelled => "it was cancelled",
                _ => "it has expired",
            };
            let advice = match deed {
                Deed::Cancel => "nothing is left to do: it is never posted",
                _ => "that is final; post the comment anew with `comenq post`",
            };
            (reason.to_owned(), advice.to_owned())
        }
        State::Queued | State::Posting | State::Uncertain => (
            format!("it is {}", job.state.as_str()),
            format!("`comenq show {id}` tells what it waits for"),
        ),
    }
}

fn posted(deed: Deed, job: &Job) -> (String, String) {
    let reason = match &job.comment_url {
        Some(url) => format!("it was posted already: {url}"),
        None => "it was posted already".to_owned(),
    };
    let advice = match deed {
        Deed::Cancel => "delete it on GitHub if it is to go",
        Deed::Edit => "edit it on GitHub",
        Deed::Retry => "post it anew with `comenq post` if it is to be there twice",
        Deed::Hold | Deed::Release | Deed::Bump | Deed::PostNow | Deed::Purge => {
            "nothing is left to do"
        }
    };
    (reason, advice.to_owned())
}

fn failed(deed: Deed, job: &Job) -> String {
    let id = job.id;
    match deed {
        Deed::Cancel => {
            format!("nothing is left to do: it is not posted unless `comenq retry {id}` revives it")
        }
        Deed::Edit => format!(
            "post the new text as a new comment with `comenq post`; `comenq retry {id}` tries the \
             same text again"
        ),
        _ => format!("`comenq retry {id}` revives it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample_job;

    const ALL: [Deed; 8] = [
        Deed::Cancel,
        Deed::Edit,
        Deed::Hold,
        Deed::Release,
        Deed::Retry,
        Deed::Bump,
        Deed::PostNow,
        Deed::Purge,
    ];

    fn job(state: State) -> Job {
        Job {
            state,
            ..sample_job(13)
        }
    }

    fn wrong_state(deed: Deed, job: &Job) -> WireError {
        let error = QueueError::WrongState {
            id: job.id,
            state: job.state.as_str(),
        };
        refusal(deed, job, &error).unwrap()
    }

    #[test]
    fn every_refusal_names_the_deed_the_reason_and_what_to_do() {
        for (state, reason) in [
            (State::Posted, "it was posted already"),
            (State::Failed, "it has failed"),
            (State::Held, "it is held"),
            (State::Cancelled, "it was cancelled"),
            (State::Expired, "it has expired"),
        ] {
            for deed in ALL {
                let refused = wrong_state(deed, &job(state));
                assert_eq!(refused.code, ErrorCode::WrongState);
                let said = format!("job #13 cannot be {}: {reason}", deed.done());
                assert!(refused.message.starts_with(&said), "{refused:?}");
                assert!(refused.detail.is_some(), "{refused:?}");
            }
        }
    }

    #[test]
    fn a_posted_one_is_shown_where_it_is() {
        let posted = Job {
            comment_url: Some("https://github.com/o/r/issues/1#issuecomment-5".to_owned()),
            ..job(State::Posted)
        };
        let refused = wrong_state(Deed::Edit, &posted);
        assert!(refused.message.ends_with("#issuecomment-5"), "{refused:?}");
        assert_eq!(refused.detail.as_deref(), Some("edit it on GitHub"));
    }

    #[test]
    fn a_failed_one_says_how_its_text_is_mended() {
        let refused = wrong_state(Deed::Edit, &job(State::Failed));
        let advice = refused.detail.unwrap();
        assert!(advice.contains("as a new comment with `comenq post`"));
        assert!(advice.contains("`comenq retry 13` tries the same text again"));
        let refused = wrong_state(Deed::Hold, &job(State::Failed));
        assert_eq!(
            refused.detail.as_deref(),
            Some("`comenq retry 13` revives it")
        );
    }

    #[test]
    fn what_is_not_known_yet_is_waited_for_or_looked_for() {
        let id = job(State::Posting).id;
        let busy = refusal(Deed::Cancel, &job(State::Posting), &QueueError::Busy(id)).unwrap();
        assert!(busy.retryable && busy.message.contains("cannot be cancelled"));
        let unresolved = |state| {
            let error = QueueError::Unresolved(id);
            refusal(Deed::Edit, &job(state), &error).unwrap()
        };
        let uncertain = unresolved(State::Uncertain);
        assert_eq!(uncertain.code, ErrorCode::Unresolved);
        assert!(uncertain.message.starts_with("job #13 cannot be edited: "));
        assert!(uncertain.detail.unwrap().contains("`comenq cancel 13`"));
        let held = unresolved(State::Held);
        assert!(held.detail.unwrap().contains("`comenq release 13` looks"));
    }

    #[test]
    fn other_troubles_keep_their_own_words() {
        let error = QueueError::Unavailable("locked".to_owned());
        assert_eq!(refusal(Deed::Hold, &job(State::Queued), &error), None);
    }
}
