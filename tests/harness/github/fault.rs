//! One-shot faults: what goes wrong with the next request that fits. They wait
//! in `script`.
//!
//! A fault is a few independent parts (wait, create or not, change, answer), so
//! that each accident of a real network can be put together from them: "created,
//! then the connection died" is `create` plus `Answer::Close`. Tests build them
//! in Rust, shell scripts send the same as JSON.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::target::{Kind, Target};

/// Which requests a fault waits for; an absent part fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// What the request asks for.
    pub kind: Option<Kind>,
    /// The issue it is about.
    pub target: Option<Target>,
}

impl Match {
    /// Whether a request is one of those.
    pub(super) fn fits(&self, kind: Kind, target: Option<&Target>) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
            && self
                .target
                .as_ref()
                .is_none_or(|wanted| Some(wanted) == target)
    }
}

/// How long a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// For a time.
    Ms(u64),
    /// Until the test says so: no guess about time.
    UntilReleased,
}

/// What happens to a body between the request and the comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Text is added at the end, as some bots and mail gateways do.
    Append(String),
    /// One text becomes another, as when a mention is rewritten.
    Replace {
        /// What is looked for.
        from: String,
        /// What stands there afterwards.
        to: String,
    },
    /// Every line end becomes CRLF.
    Crlf,
    /// White space at the end is dropped.
    TrimEnd,
}

/// How long a new comment stays out of the listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hide {
    /// For a time.
    Ms(u64),
    /// From the next so many listings of its issue.
    Listings(u32),
}

/// A comment that somebody else makes at the same moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intruder {
    /// Who: the token's own login (a human using the bot's account) if absent.
    #[serde(default)]
    pub login: Option<String>,
    /// What they write.
    pub body: String,
}

/// What the client gets to see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What GitHub would really answer.
    #[default]
    Real,
    /// Nothing: the connection is closed.
    Close,
    /// Nothing: the connection is reset.
    Reset,
    /// A refusal.
    Refuse(Refusal),
    /// Any bytes under any status, with GitHub's headers.
    Raw {
        /// The status.
        status: u16,
        /// The `content-type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The real answer without some fields of its JSON.
    Without(Vec<String>),
    /// The real head and half of the real body, then the connection is closed.
    Truncated,
    /// A head, then bytes until the client leaves.
    Endless {
        /// The status.
        status: u16,
    },
    /// The real answer, a few bytes at a time from its first byte on.
    Trickle {
        /// How many bytes at once.
        bytes: usize,
        /// How long after each.
        every_ms: u64,
    },
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Which request.
    pub on: Match,
    /// How many fitting requests pass unharmed first.
    pub skip: u32,
    /// How many fitting requests it harms.
    pub times: u32,
    /// Held before anything happens.
    pub before: Option<Pause>,
    /// Whether a POST creates its comment.
    pub create: bool,
    /// What becomes of the body.
    pub change: Vec<Change>,
    /// Who else comments at that moment.
    pub intruder: Option<Intruder>,
    /// How long the new comment stays out of listings.
    pub hide: Option<Hide>,
    /// Held after the comment was created, before the answer.
    pub after: Option<Pause>,
    /// The answer.
    pub answer: Answer,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            on: Match::default(),
            skip: 0,
            times: 1,
            before: None,
            create: true,
            change: Vec::new(),
            intruder: None,
            hide: None,
            after: None,
            answer: Answer::Real,
        }
    }
}

impl Fault {
    /// A fault of the next request of this kind.
    #[must_use]
    pub fn on(kind: Kind) -> Self {
        Self {
            on: Match {
                kind: Some(kind),
                target: None,
            },
            ..Self::default()
        }
    }

    /// A fault of the next POST of a comment.
    #[must_use]
    pub fn on_post() -> Self {
        Self::on(Kind::Post)
    }

    /// Only for this issue.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.on.target = Some(target);
        self
    }

    /// Lets this many fitting requests pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Harms this many fitting requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Nothing is created.
    #[must_use]
    pub fn without_creating(mut self) -> Self {
        self.create = false;
        self
    }

    /// Holds the request before anything happens.
    #[must_use]
    pub fn hold_before(mut self, pause: Pause) -> Self {
        self.before = Some(pause);
        self
    }

    /// Holds the request after the comment was created.
    #[must_use]
    pub fn hold_after(mut self, pause: Pause) -> Self {
        self.after = Some(pause);
        self
    }

    /// Changes the body on its way into the comment.
    #[must_use]
    pub fn change(mut self, change: Change) -> Self {
        self.change.push(change);
        self
    }

    /// Somebody else comments at the same moment.
    #[must_use]
    pub fn intruder(mut self, login: Option<&str>, body: &str) -> Self {
        self.intruder = Some(Intruder {
            login: login.map(str::to_owned),
            body: body.to_owned(),
        });
        self
    }

    /// Keeps the new comment out of the listings.
    #[must_use]
    pub fn hide(mut self, hide: Hide) -> Self {
        self.hide = Some(hide);
        self
    }

    /// What the client gets to see.
    #[must_use]
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }
}
