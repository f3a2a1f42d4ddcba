//! How GitHub's JSON becomes our types: a user, a new comment, a page of comments, an issue, a
//! repository.
//!
//! Decides what of an answer is believed. Called by `outcome` and `refusal`. Must not know which statuses bring
//! such bodies, nor what the comments are wanted for.

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::Answer;
use super::{Comment, Identity};
use crate::clock::UnixMs;
use crate::secret::Secret;

/// Comments asked for at a time. Not GitHub's 100: a comment may have 256 KiB, and a page must fit
/// its bound.
pub(super) const PER_PAGE: usize = 30;

/// Longer than any address of a comment; a longer one is not kept.
const MAX_URL: usize = 1024;

/// Longer than any slug of a GitHub App.
const MAX_SLUG: usize = 100;

/// One page of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) comments: Vec<Comment>,
    /// Whether there is another.
    pub(super) has_next: bool,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
struct NewComment {
    id: u64,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct ListedComment {
    id: u64,
    html_url: Option<String>,
    /// Absent where the account was deleted.
    user: Option<User>,
    created_at: String,
    body: Option<String>,
}

/// Who `GET /user` names.
pub(super) fn identity(body: &[u8]) -> Option<Identity> {
    let user: User = serde_json::from_slice(body).ok()?;
    if user.id == 0 || user.login.is_empty() {
        return None;
    }
    Some(Identity {
        user_id: user.id,
        login: super::message::plain(&user.login, MAX_URL),
    })
}

/// Id and address of the comment that a 201 describes, where it does.
pub(super) fn created(body: &[u8]) -> Option<(Option<u64>, Option<String>)> {
    let comment: NewComment = serde_json::from_slice(body).ok()?;
    Some((Some(comment.id), comment.html_url.and_then(web_url)))
}

/// What a GitHub App is called in addresses. Nothing that could lead elsewhere in one.
pub(super) fn app_slug(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct App {
        slug: String,
    }
    let App { slug } = serde_json::from_slice(body).ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!slug.is_empty() && slug.len() <= MAX_SLUG && slug.chars().all(is_plain)).then_some(slug)
}

/// A token of an installation, and when it ends by GitHub's clock.
pub(super) fn installation_token(body: &[u8]) -> Option<(Secret, UnixMs)> {
    #[derive(Deserialize)]
    struct Token {
        token: String,
        expires_at: String,
    }
    let Token { token, expires_at } = serde_json::from_slice(body).ok()?;
    let expires_at: Timestamp = expires_at.parse().ok()?;
    let token = Secret::parse(&token).ok()?;
    Some((token, UnixMs(expires_at.as_millisecond())))
}

/// Whether an issue is open; a merged pull request is closed too.
pub(super) fn is_open(body: &[u8]) -> Option<bool> {
    #[derive(Deserialize)]
    struct Issue {
        state: String,
    }
    let issue: Issue = serde_json::from_slice(body).ok()?;
    match issue.state.as_str() {
        "open" => Some(true),
        "closed" => Some(false),
        _ => None,
    }
}

/// Owner and name of a repository.
pub(super) fn full_name(body: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Repository {
        full_name: String,
    }
    let repository: Repository = serde_json::from_slice(body).ok()?;
    let (owner, name) = repository.full_name.split_once('/')?;
    Some((owner.to_owned(), name.to_owned()))
}

/// An address that can be printed and stored.
pub(super) fn web_url(text: String) -> Option<String> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    (is_web && text.len() <= MAX_URL && text.chars().all(|c| c.is_ascii_graphic())).then_some(text)
}

/// The page in `answer`, or why it is none. One comment that cannot be read spoils it: it could
/// be the one looked for.
pub(super) fn page(answer: &Answer) -> Result<Page, String> {
    let body = match &answer.body {
        super::answer::Body::Whole(body) => body,
        super::answer::Body::Unreadable(reason) => {
            return Err(format!("a page of comments could not be read: {reason}"));
        }
    };
    let listed: Vec<ListedComment> = serde_json::from_slice(body)
        .map_err(|error| format!("a page of comments could not be read: {error}"))?;
    Ok(Page {
        has_next: has_next(answer.headers.link.as_deref(), listed.len()),
        comments: listed.into_iter().map(comment).collect::<Result<_, _>>()?,
    })
}

fn comment(listed: ListedComment) -> Result<Comment, String> {
    let created_at: Timestamp = listed
        .created_at
        .parse()
        .map_err(|_| format!("comment {} has no readable time of creation", listed.id))?;
    Ok(Comment {
        id: listed.id,
        url: listed.html_url.and_then(web_url).unwrap_or_default(),
        // 0 is nobody's id.
        user_id: listed.user.map_or(0, |user| user.id),
        created_at: UnixMs(created_at.as_millisecond()),
        body: listed.body.unwrap_or_default(),
    })
}

/// What `Link` says; without one a full page may be followed by another. A short page that has a
/// next one is followed too: GitHub leaves hidden comments out after counting them.
fn has_next(link: Option<&str>, comments: usize) -> bool {
    match link {
        Some(link) if link.contains("rel=") => link.split(',').any(is_next),
        _ => comments >= PER_PAGE,
    }
}

/// Whether one value of `Link`, as `<https://…&page=2>; rel="next"`, leads to the next page.
fn is_next(value: &str) -> bool {
    value.split(';').skip(1).any(|param| {
        param
            .trim()
            .strip_prefix("rel=")
            .is_some_and(|rel| rel.trim_matches('"').split(' ').any(|rel| rel == "next"))
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::github::answer::{Body, Headers};

    fn page_of(body: &str, link: Option<&str>) -> Result<Page, String> {
        page(&Answer {
            status: 200,
            headers: Headers {
                link: link.map(str::to_owned),
                ..Headers::default()
            },
            body: Body::Whole(Bytes::copy_from_slice(body.as_bytes())),
        })
    }

    #[test]
    fn a_page_is_read_as_github_writes_it() {
        let page = page_of(
            r#"[{"id":5,"node_id":"x","html_url":"https://github.com/o/r/issues/1#issuecomment-5",
                 "user":{"login":"octocat","id":9},"created_at":"2026-11-20T12:00:01Z",
                 "updated_at":"2026-11-20T12:00:01Z","body":"hi\r\n","reactions":{"+1":0}},
                {"id":6,"html_url":null,"user":null,"created_at":"2026-11-20T12:00:02Z","body":null}]"#,
            None,
        )
        .unwrap();
        assert!(!page.has_next);
        assert_eq!(
            page.comments,
            [
                Comment {
                    id: 5,
                    url: "https://github.com/o/r/issues/1#issuecomment-5".into(),
                    user_id: 9,
                    created_at: UnixMs(1_795_176_001_000),
                    body: "hi\r\n".into(),
                },
                Comment {
                    id: 6,
                    url: String::new(),
                    user_id: 0,
                    created_at: UnixMs(1_795_176_002_000),
                    body: String::new(),
                },
            ]
        );
    }

    #[test]
    fn one_bad_comment_spoils_the_page() {
        for body in [
            "{}",
            "",
            "[{\"id\":5}]",
            "[{\"id\":5,\"created_at\":\"soon\"}]",
            "[] x",
        ] {
            page_of(body, None).unwrap_err();
        }
    }

    #[test]
    fn link_decides_whether_there_is_more() {
        let next = r#"<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=9>; rel="last""#;
        let last = r#"<https://api.github.com/x?page=1>; rel="first", <https://api.github.com/x?page=8>; rel="prev""#;
        for (link, comments, want) in [
            (None, 0, false),
            (None, PER_PAGE - 1, false),
            (None, PER_PAGE, true),
            (Some(next), 2, true),
            (Some(next), PER_PAGE, true),
            (Some(last), PER_PAGE, false),
            (Some("<https://x/?rel=next>; rel=last"), PER_PAGE, false),
            (Some("<https://x>; rel=next"), 1, true),
            (Some(""), PER_PAGE, true),
            (Some(""), 1, false),
        ] {
            assert_eq!(has_next(link, comments), want, "{link:?} {comments}");
        }
    }

    #[test]
    fn a_new_comment_counts_with_whatever_is_known_of_it() {
        let url = "https://github.com/o/r/issues/1#issuecomment-5";
        let with = |url: &str| created(format!(r#"{{"id":5,"html_url":"{url}"}}"#).as_bytes());
        assert_eq!(with(url), Some((Some(5), Some(url.to_owned()))));
        assert_eq!(with("javascript:1"), Some((Some(5), None)));
        assert_eq!(with(r"https://x/\u001b[31m"), Some((Some(5), None)));
        assert_eq!(created(br#"{"id":5}"#), Some((Some(5), None)));
        assert_eq!(created(b"{}"), None);
        assert_eq!(created(b"<html>"), None);
    }

    #[test]
    fn an_identity_needs_id_and_login() {
        let octocat = Identity {
            user_id: 9,
            login: "octocat".into(),
        };
        assert_eq!(
            identity(br#"{"login":"octocat","id":9,"type":"User"}"#),
            Some(octocat)
        );
        for body in [
            r#"{"id":9}"#,
            r#"{"login":"x"}"#,
            r#"{"login":"x","id":0}"#,
            "[]",
            "",
        ] {
            assert_eq!(identity(body.as_bytes()), None, "{body}");
        }
    }
}
