//! One submission: what was asked, what was acknowledged, and whether the
//! daemon still keeps its word.

use std::fmt::{self, Write as _};
use std::io::ErrorKind;

use comenq_proto::{ErrorCode, Job, JobCancel, JobGet, JobState, JobSubmit, Request, WireError};
use harness::connection::Connection;
use harness::daemon::submission;

use crate::random::Random;

/// The longest text here; the store cuts texts into pieces of 4 KiB.
const LONG: usize = 60_000;

/// Nobody answers any more, so nothing is acknowledged.
#[derive(Debug)]
pub(crate) struct Gone(String);

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client was told about cancelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    No,
    /// No answer came: it may have happened.
    Asked,
    Acknowledged,
}

/// One submission.
#[derive(Debug)]
pub(crate) struct Promise {
    key: String,
    target: String,
    length: usize,
    cancel: Cancel,
    /// The job, once acknowledged.
    pub(crate) id: Option<u64>,
}

impl Promise {
    /// One of random length; the key is in the text, so each is one comment.
    pub(crate) fn new(key: String, random: &mut Random) -> Self {
        let length = if random.one_in(8) {
            4096 + random.pick(LONG - 4096)
        } else {
            20 + random.pick(600)
        };
        Self {
            target: format!("octo/demo#{}", random.below(9) + 1),
            key,
            length,
            cancel: Cancel::No,
            id: None,
        }
    }

    /// Whether something was asked that got no answer.
    pub(crate) fn is_open(&self) -> bool {
        self.id.is_none() || self.cancel == Cancel::Asked
    }

    /// The text: no two pieces of it are alike.
    pub(crate) fn text(&self) -> String {
        let mut text = self.key.clone();
        let mut line = 0;
        while text.len() < self.length {
            line += 1;
            write!(text, "\n{line} – {}", self.key).unwrap();
        }
        text
    }

    /// The request that submits it.
    pub(crate) fn request(&self) -> JobSubmit {
        submission(&self.target, &self.text(), Some(&self.key))
    }

    /// Submits it, again or for the first time; whether it was known.
    pub(crate) fn submit(&mut self, connection: &mut Connection) -> Result<bool, Gone> {
        let reply = ask(connection, &self.request())?;
        let reply = reply.unwrap_or_else(|error| panic!("{} was refused: {error:?}", self.key));
        let id = reply.job.id;
        match self.id {
            Some(known) => {
                assert_eq!(known, id, "{}: one key, two jobs", self.key);
                assert!(reply.duplicate, "{}: job {id} is new again", self.key);
            }
            None => self.id = Some(id),
        }
        Ok(reply.duplicate)
    }

    /// Submits another text under the same key, which nobody may take.
    pub(crate) fn misuse_key(&self, connection: &mut Connection) -> Result<(), Gone> {
        let other = format!("not {}", self.key);
        let request = submission(&self.target, &other, Some(&self.key));
        let error = ask(connection, &request)?.err();
        let code = error.as_ref().map(|error| error.code);
        assert_eq!(code, Some(ErrorCode::KeyReused), "{}: {error:?}", self.key);
        Ok(())
    }

    /// Cancels it, again or for the first time.
    pub(crate) fn cancel(&mut self, connection: &mut Connection) -> Result<(), Gone> {
        let Some(id) = self.id else { return Ok(()) };
        if self.cancel == Cancel::No {
            self.cancel = Cancel::Asked;
        }
        let reply = ask(connection, &JobCancel { id })?;
        let reply = reply.unwrap_or_else(|error| panic!("{self:?} not cancelled: {error:?}"));
        assert_eq!(reply.job.state, JobState::Cancelled, "{self:?}");
        self.cancel = Cancel::Acknowledged;
        Ok(())
    }

    /// Reads it and compares: number, target, text and state.
    pub(crate) fn check(&mut self, connection: &mut Connection) -> Result<(), Gone> {
        let Some(id) = self.id else { return Ok(()) };
        let job = ask(connection, &JobGet { id })?
            .unwrap_or_else(|error| panic!("{self:?} was acknowledged: {error:?}"))
            .job;
        self.judge(&job);
        Ok(())
    }

    /// Compares a job with what was promised of it: all here waits or is cancelled.
    pub(crate) fn judge(&mut self, job: &Job) {
        self.compare(job);
        let known = match job.state {
            JobState::Queued => Cancel::No,
            JobState::Cancelled => Cancel::Acknowledged,
            state => panic!("{self:?} is {state:?}"),
        };
        match self.cancel {
            // What a reader was told is a promise as well.
            Cancel::Asked => self.cancel = known,
            told => assert_eq!(told, known, "{self:?} is {:?}", job.state),
        }
    }

    /// Compares all but the state.
    pub(crate) fn compare(&self, job: &Job) {
        let target = format!("{}/{}#{}", job.owner, job.repo, job.number);
        assert_eq!((Some(job.id), &target), (self.id, &self.target), "{self:?}");
        let found = job.body.as_deref().unwrap_or_default();
        let text = self.text();
        let length = found.len();
        // Without the texts, which may be long.
        assert!(found == text, "{self:?} has another text of {length} bytes");
    }
}

/// One request. A daemon without power breaks the connection, or says that it
/// could not write; anything else is an answer.
pub(crate) fn ask<R: Request>(
    connection: &mut Connection,
    request: &R,
) -> Result<Result<R::Reply, WireError>, Gone> {
    match connection.call(request) {
        Ok(Err(error)) => match error.code {
            ErrorCode::CommitFailed | ErrorCode::StoreUnavailable => Err(Gone(error.to_string())),
            _ => Ok(Err(error)),
        },
        Ok(answer) => Ok(answer),
        Err(error) => match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                Err(Gone(error.to_string()))
            }
            _ => panic!("{}: {error}", R::ENDPOINT),
        },
    }
}
