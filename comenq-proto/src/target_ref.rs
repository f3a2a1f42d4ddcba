//! A target as people name it: `owner/repo#123`, `owner/repo 123` or a URL.
//!
//! Decides which URLs name a target: `https` (plain `http` only for loopback,
//! where tests and stand-ins live), `/owner/repo/(pull|pulls|issues)/123`, and
//! anything after that. Called by the client on its arguments. Which hosts an
//! account posts to is the daemon's to know.

use std::str::FromStr;

use url::{Host, Url};

use crate::target::{IssueNumber, Owner, Repo, Target, TargetError, excerpt};

/// A target as a user names it: with the host, when they gave a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetRef {
    /// The URL's host and port in lower case; `None` for `owner/repo` forms.
    pub host: Option<String>,
    /// The issue or pull request.
    pub target: Target,
}

impl TargetRef {
    /// From `owner/repo` and a number.
    ///
    /// # Errors
    /// One of the parts is wrong.
    pub fn from_parts(slug: &str, number: &str) -> Result<Self, TargetError> {
        Target::from_slug(slug, number).map(Self::without_host)
    }

    const fn without_host(target: Target) -> Self {
        Self { host: None, target }
    }
}

impl FromStr for TargetRef {
    type Err = TargetError;

    /// From `owner/repo#123` or the URL of an issue or pull request;
    /// [`TargetError::MissingNumber`] for `owner/repo` alone.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.contains("://") {
            return parse_url(text);
        }
        match text.split_once('#') {
            Some((slug, number)) => Self::from_parts(slug, number),
            None => match Target::from_slug(text, "1") {
                Ok(_) => Err(TargetError::MissingNumber {
                    given: text.to_owned(),
                }),
                Err(error) => Err(error),
            },
        }
    }
}

impl From<Target> for TargetRef {
    fn from(target: Target) -> Self {
        Self::without_host(target)
    }
}

/// Parses a text that contains `://`.
fn parse_url(text: &str) -> Result<TargetRef, TargetError> {
    let wrong = |reason: String| TargetError::Url {
        given: excerpt(text),
        reason,
    };
    // The url crate drops some of these silently and turns \ into /, which
    // would make another name of what was typed.
    let stray = |c: &char| c.is_whitespace() || c.is_control() || *c == '\\';
    if let Some(position) = text.chars().position(|c| stray(&c)) {
        let character = text.chars().nth(position).unwrap_or_default();
        return Err(TargetError::BadCharacter {
            part: "URL",
            character,
            position: position + 1,
            allowed: "a URL has neither spaces nor backslashes",
        });
    }
    let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
    let host = host(&url).map_err(wrong)?;
    let target = target(&url).map_err(wrong)??;
    Ok(TargetRef {
        host: Some(host),
        target,
    })
}

fn host(url: &Url) -> Result<String, String> {
    let (Some(name), Some(host)) = (url.host_str(), url.host()) else {
        return Err("it has no host".to_owned());
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        scheme => return Err(format!("its scheme is {scheme}, only https is possible")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password; leave that out".to_owned());
    }
    let name = name.to_ascii_lowercase();
    Ok(match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name,
    })
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Outer error: not the path of an issue. Inner error: a part of it is wrong.
fn target(url: &Url) -> Result<Result<Target, TargetError>, String> {
    let mut segments = url.path().split('/').skip(1);
    let mut next = || segments.next().unwrap_or_default();
    let (owner, repo, kind, number) = (next(), next(), next(), next());
    if !matches!(kind, "pull" | "pulls" | "issues") {
        return Err("its path is not /owner/repo/issues/123 or /owner/repo/pull/123".to_owned());
    }
    Ok(parts(owner, repo, number))
}

fn parts(owner: &str, repo: &str, number: &str) -> Result<Target, TargetError> {
    Ok(Target {
        owner: Owner::parse(owner)?,
        repo: Repo::parse(repo)?,
        number: number.parse::<IssueNumber>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TargetRef {
        text.parse().unwrap()
    }

    #[test]
    fn urls_of_issues_and_pull_requests_name_their_target() {
        for url in [
            "https://github.com/o/r/pull/12",
            "https://github.com/o/r/pulls/12",
            "https://github.com/o/r/issues/12",
            "https://GitHub.com/o/r/issues/12/",
            "https://github.com:443/o/r/pull/12/files?w=1#diff-0",
            "HTTPS://github.com/o/r/issues/12#issuecomment-5",
            "https://github.com/o/r/issues/12?x=https://elsewhere.org/",
        ] {
            let found = read(url);
            assert_eq!(found.host.as_deref(), Some("github.com"), "{url}");
            assert_eq!(found.target.to_string(), "o/r#12", "{url}");
        }
    }

    #[test]
    fn the_host_keeps_its_port() {
        let host = |url| read(url).host.unwrap();
        assert_eq!(
            host("https://Git.Example.org:8443/o/r/pull/1"),
            "git.example.org:8443"
        );
        assert_eq!(host("http://127.0.0.1:8080/o/r/issues/1"), "127.0.0.1:8080");
        assert_eq!(host("http://localhost/o/r/issues/1"), "localhost");
        assert_eq!(host("http://[::1]:9/o/r/issues/1"), "[::1]:9");
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        let error = |text: &str| text.parse::<TargetRef>().unwrap_err().to_string();
        for (url, reason) in [
            ("http://github.com/o/r/pull/1", "scheme is http"),
            ("ftp://github.com/o/r/pull/1", "scheme is ftp"),
            ("http://127.0.0.1.evil.org/o/r/pull/1", "scheme is http"),
            ("https://github.com/o/r", "path is not"),
            ("https://github.com/o/r/commit/1", "path is not"),
            ("https://github.com/o/r/pull/", "number \"\""),
            ("https://github.com/o/r/pull/x", "number \"x\""),
            (
                "https://github.com/o%20x/r/pull/1",
                "owner has '%' at position 2",
            ),
            (
                "https://me:pw@github.com/o/r/pull/1",
                "user name or password",
            ),
            ("https:///", "names no issue"),
            ("://", "names no issue"),
            ("https://github.com/o/r\t/pull/1", "'\\t' at position 23"),
            ("https://github.com\\o/r/pull/1", "'\\\\' at position 19"),
        ] {
            assert!(error(url).contains(reason), "{url}: {}", error(url));
        }
    }

    #[test]
    fn slug_and_number_together_or_apart() {
        let one: TargetRef = "Octo/Hello.World#7".parse().unwrap();
        let two = TargetRef::from_parts("Octo/Hello.World", "7").unwrap();
        assert_eq!(one, two);
        assert_eq!(one.host, None);
        assert_eq!(one.target.to_string(), "Octo/Hello.World#7");
        assert_eq!(one.target.lower(), "octo/hello.world#7");
        assert_eq!(Target::parse("Octo", "Hello.World", 7).unwrap(), one.target);
    }

    #[test]
    fn incomplete_forms_say_what_is_missing() {
        let error = |text: &str| text.parse::<TargetRef>().unwrap_err();
        assert!(matches!(error("o/r"), TargetError::MissingNumber { .. }));
        assert!(matches!(error("o"), TargetError::Shape { .. }));
        assert!(matches!(error(""), TargetError::Shape { .. }));
        assert!(matches!(error("o/r#"), TargetError::BadNumber { .. }));
        assert!(matches!(error("o/r#1#2"), TargetError::BadNumber { .. }));
        assert!(matches!(
            error("/r#1"),
            TargetError::Empty { part: "owner" }
        ));
        assert!(matches!(
            error("o/#1"),
            TargetError::Empty { part: "repository" }
        ));
        assert!(matches!(error("a/b/c#1"), TargetError::BadCharacter { .. }));
        assert!(matches!(error("a/b/c"), TargetError::BadCharacter { .. }));
    }
}
