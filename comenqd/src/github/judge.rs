//! What an answer of these parts would mean for each question that is asked.
//!
//! Decides nothing of its own: it is `outcome` for an answer from anywhere. Public, because whoever
//! answers may be a proxy, a captive portal or hostile, and the judgement of any bytes must end well.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::answer::{Answer, Body, Headers};
use super::{Identity, ListError, Notice, Outcome, Trouble, outcome};
use crate::api_url::ApiUrl;

/// The meanings of one answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Judgement {
    /// To a POST of a comment.
    pub post: Outcome,
    /// To the question who the account is.
    pub user: Result<Identity, Trouble>,
    /// To the request for an App's token: how long it lasts.
    pub token: Result<Duration, Trouble>,
    /// To the question whether an issue is open.
    pub is_open: Result<bool, ListError>,
    /// To a page of comments: how many there are on it.
    pub comments: Result<usize, ListError>,
    /// To the question what a repository is called.
    pub repository: Result<(String, String), ListError>,
    /// What it warns of besides.
    pub notices: Vec<Notice>,
    /// How long it says to wait.
    pub wait: Option<Duration>,
}

/// Judges an answer that came whole.
#[must_use]
pub fn judge(status: u16, headers: &HeaderMap, body: Bytes, api: &ApiUrl) -> Judgement {
    let answer = Answer {
        status,
        headers: Headers::from(headers),
        body: Body::Whole(body),
    };
    Judgement {
        post: outcome::of_post(&answer, api),
        user: outcome::of_user(&answer, api),
        token: outcome::of_token(&answer, api).map(|(_, lifetime)| lifetime),
        is_open: outcome::of_issue(&answer, api),
        comments: outcome::of_page(&answer, api).map(|page| page.comments.len()),
        repository: outcome::of_repository(&answer, api),
        wait: answer.wait(),
        notices: answer.headers.notices,
    }
}
