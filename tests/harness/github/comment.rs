//! A comment, and GitHub's JSON of comments, users, issues and repositories.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::rfc3339;
use super::fault::{Change, Hide};
use super::target::Target;

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its number, unique on the stand-in.
    pub id: u64,
    /// Where it stands.
    pub target: Target,
    /// Its text.
    pub body: String,
    /// Who wrote it.
    pub login: String,
    /// The number of who wrote it.
    pub user_id: u64,
    /// When, in seconds since 1970 on the stand-in's clock.
    pub created_at: i64,
    /// When it last changed, on the same clock.
    pub updated_at: i64,
    /// Its address for people.
    pub html_url: String,
    /// Until when it stays out of listings.
    #[serde(skip)]
    pub(super) hidden: Option<Hidden>,
}

/// The rest of a comment's absence from listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    Until(Instant),
    Listings(u32),
}

impl Hidden {
    pub(super) fn begin(hide: Hide, now: Instant) -> Self {
        match hide {
            Hide::Ms(ms) => Self::Until(now + std::time::Duration::from_millis(ms)),
            Hide::Listings(count) => Self::Listings(count),
        }
    }
}

impl Comment {
    /// Whether a listing made now leaves it out. Only a first page counts as a
    /// listing: its later pages agree with it.
    pub(super) fn stays_out(&mut self, now: Instant, first_page: bool) -> bool {
        match &mut self.hidden {
            None => false,
            Some(Hidden::Until(until)) => now < *until,
            Some(Hidden::Listings(0)) if first_page => {
                self.hidden = None;
                false
            }
            Some(Hidden::Listings(left)) => {
                *left -= u32::from(first_page);
                true
            }
        }
    }

    /// The comment as GitHub's API shows it.
    pub(super) fn json(&self, base_url: &str) -> Value {
        let (slug, number) = (&self.target.slug, self.target.number);
        json!({
            "url": format!("{base_url}/repos/{slug}/issues/comments/{}", self.id),
            "html_url": self.html_url,
            "issue_url": format!("{base_url}/repos/{slug}/issues/{number}"),
            "id": self.id,
            "node_id": format!("IC_standin{}", self.id),
            "user": user_json(&self.login, self.user_id, base_url),
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
            "author_association": "MEMBER",
            "body": self.body,
            "performed_via_github_app": Value::Null,
        })
    }
}

/// A user as GitHub's API shows one.
pub(super) fn user_json(login: &str, id: u64, base_url: &str) -> Value {
    json!({
        "login": login,
        "id": id,
        "node_id": format!("U_standin{id}"),
        "url": format!("{base_url}/users/{login}"),
        "html_url": format!("https://github.com/{login}"),
        "type": if login.ends_with("[bot]") { "Bot" } else { "User" },
        "site_admin": false,
    })
}

/// Applies the changes a body suffers on its way into a comment.
pub(super) fn changed(body: &str, changes: &[Change]) -> String {
    changes
        .iter()
        .fold(body.to_owned(), |body, change| match change {
            Change::Append(text) => body + text,
            Change::Replace { from, to } => body.replace(from, to),
            Change::Crlf => body.replace("\r\n", "\n").replace('\n', "\r\n"),
            Change::TrimEnd => body.trim_end().to_owned(),
        })
}
