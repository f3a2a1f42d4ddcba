//! Which groups a user is in, asked of the host's name service.
//!
//! Decides how long an answer counts and how long one is waited for. The name service may hang for
//! minutes (a directory over a network), so it is asked on threads of its own, one for a user at a
//! time, and whoever waits for it waits in its own task. Asked by `service` for a peer's role; must
//! not know what a group entitles to. Never reads files of the system itself: the name service is
//! more than they.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::unistd::{Gid, Uid, User, getgrouplist};
use tokio::sync::watch;

use crate::clock::Clock;

/// How a user's groups are found: [`lookup`], or what a test has in its place. May block.
pub type Lookup = Arc<dyn Fn(u32) -> io::Result<Vec<u32>> + Send + Sync>;

/// How long an answer counts: who is added to a group waits no longer than this.
const KEPT: Duration = Duration::from_secs(60);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Threads that ask at one time. One that hangs cannot be ended, and every user has one at most.
const ASKING: usize = 16;

/// Users remembered before those go whose answers no longer count: a user namespace can make up
/// many.
const REMEMBERED: usize = 1024;

/// Why a user's groups are not known just now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupsError {
    /// The name service said so.
    #[error("the name service cannot tell: {0}")]
    Failed(String),
    /// It says nothing.
    #[error("the name service does not answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// Too many questions wait already.
    #[error("the name service does not answer {ASKING} earlier questions")]
    Busy,
}

type Answer = Result<Arc<[u32]>, GroupsError>;

/// One question and its answer, once there is one.
#[derive(Debug)]
struct Asked {
    /// Time since boot.
    at: Duration,
    answer: watch::Receiver<Option<Answer>>,
    /// That it failed was said in the log.
    told: bool,
}

impl Asked {
    /// Its thread has not come back. One that panicked has: it dropped its end.
    fn is_open(&self) -> bool {
        self.answer.borrow().is_none() && self.answer.has_changed().is_ok()
    }
}

/// What was asked, and what was said of it in the log.
#[derive(Debug, Default)]
struct State {
    users: BTreeMap<u32, Asked>,
    /// When it was last said that somebody could not even be asked about.
    told: Option<Duration>,
}

/// What is known of users' groups; cheap to clone.
#[derive(Clone)]
pub struct Groups {
    lookup: Lookup,
    clock: Arc<Clock>,
    asked: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

impl Groups {
    /// Knows nothing yet, and asks `lookup`.
    #[must_use]
    pub fn new(lookup: Lookup, clock: Arc<Clock>) -> Self {
        Self {
            lookup,
            clock,
            asked: Arc::default(),
        }
    }

    /// Whether a user is in a group. Where that cannot be told it is not, which the log says once.
    ///
    /// Cancel-safe: the question goes on, and its answer is there for whoever asks next.
    pub async fn contain(&self, gid: u32, uid: u32) -> bool {
        match self.of(uid).await {
            Ok(groups) => groups.contains(&gid),
            Err(error) => {
                self.complain(uid, &error);
                false
            }
        }
    }

    async fn of(&self, uid: u32) -> Answer {
        let (mut answer, asked_at) = self.ask(uid)?;
        let waited = self.clock.boottime().saturating_sub(asked_at);
        let left = PATIENCE.saturating_sub(waited);
        let answered = tokio::time::timeout(left, answer.wait_for(Option::is_some)).await;
        match answered {
            Ok(Ok(answer)) => answer.clone().unwrap_or(Err(GroupsError::Slow)),
            Ok(Err(_)) => Err(GroupsError::Failed("asking it failed".to_owned())),
            Err(_) => Err(GroupsError::Slow),
        }
    }

    /// The question that counts for a user: the last one, or a new one.
    fn ask(&self, uid: u32) -> Result<(watch::Receiver<Option<Answer>>, Duration), GroupsError> {
        let now = self.clock.boottime();
        let mut state = self.state();
        let asked = &mut state.users;
        let is_current = |it: &Asked| it.is_open() || now.saturating_sub(it.at) < KEPT;
        if let Some(last) = asked.get(&uid).filter(|it| is_current(it)) {
            return Ok((last.answer.clone(), last.at));
        }
        if asked.len() >= REMEMBERED {
            asked.retain(|_, it| is_current(it));
        }
        if asked.values().filter(|it| it.is_open()).count() >= ASKING {
            return Err(GroupsError::Busy);
        }
        let (tell, answer) = watch::channel(None);
        let lookup = Arc::clone(&self.lookup);
        let thread = move || {
            let found = lookup(uid).map(Arc::from);
            let found = found.map_err(|error| GroupsError::Failed(error.to_string()));
            // Nobody may be left who wants to know.
            drop(tell.send(Some(found)));
        };
        std::thread::Builder::new()
            .name("groups".to_owned())
            .spawn(thread)
            .map_err(|error| GroupsError::Failed(format!("cannot start a thread: {error}")))?;
        let question = Asked {
            at: now,
            answer: answer.clone(),
            told: false,
        };
        asked.insert(uid, question);
        Ok((answer, now))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says so once for each question, not for each request.
    fn complain(&self, uid: u32, error: &GroupsError) {
        let now = self.clock.boottime();
        let mut state = self.state();
        let is_told = if let Some(question) = state.users.get_mut(&uid) {
            std::mem::replace(&mut question.told, true)
        } else {
            let last = state.told.replace(now);
            last.is_some_and(|last| now.saturating_sub(last) < KEPT)
        };
        drop(state);
        if !is_told {
            tracing::warn!(
                peer_uid = uid,
                "cannot tell the groups of uid {uid}, who gets the lower role for a minute: {error}"
            );
        }
    }
}

/// Asks the host's name service for all groups of a user, by the user's name. Nobody's, where the
/// user has no name.
///
/// # Errors
/// Where it cannot answer.
pub fn lookup(uid: u32) -> io::Result<Vec<u32>> {
    let Some(user) = User::from_uid(Uid::from_raw(uid)).map_err(io::Error::from)? else {
        return Ok(Vec::new());
    };
    let name = CString::new(user.name).map_err(io::Error::other)?;
    let groups = getgrouplist(&name, user.gid).map_err(io::Error::from)?;
    Ok(groups.into_iter().map(Gid::as_raw).collect())
}

#[cfg(test)]
mod tests;
