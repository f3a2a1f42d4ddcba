//! The address of the GitHub API, and which web host it stands for.
//!
//! Decides which addresses are acceptable and which links to comments belong to them. Read by
//! `config` (limits depend on it), by the service (wrong host) and by the GitHub client.

use std::time::Duration;

use url::{Host, Url};

/// A checked base address of a GitHub API, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

/// Why a text is not the address of an API; each says what would do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ApiUrlError {
    /// Not a URL at all.
    #[error("is not a URL ({0}); write it like https://api.github.com")]
    NotAUrl(url::ParseError),
    /// Neither https, nor http to this machine.
    #[error("must begin with https:// (http:// is only for 127.0.0.1, [::1] and localhost)")]
    Scheme,
    /// A part that an API's base address cannot have.
    #[error("must not contain {0}; write it like https://api.github.com")]
    Extra(&'static str),
}

impl ApiUrl {
    /// Checks an address.
    ///
    /// # Errors
    /// Where it is not https (or http to this machine), or carries more than host, port and path.
    pub fn parse(text: &str) -> Result<Self, ApiUrlError> {
        let mut url = Url::parse(text).map_err(ApiUrlError::NotAUrl)?;
        let extra = [
            (
                !url.username().is_empty() || url.password().is_some(),
                "a user or password",
            ),
            (url.query().is_some(), "a query"),
            (url.fragment().is_some(), "a fragment"),
        ];
        if let Some((_, what)) = extra.into_iter().find(|(present, _)| *present) {
            return Err(ApiUrlError::Extra(what));
        }
        let accepted = match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            _ => false,
        };
        if !accepted {
            return Err(ApiUrlError::Scheme);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// As text, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Scheme, host and port: where requests are sent.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Host and, where it is not the scheme's own, port.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let host = host.trim_end_matches('.');
        self.0
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The shortest pause between two posts, whatever somebody wants. On GitHub's own API it keeps
    /// every documented limit on content; elsewhere (an enterprise server, a test) its owner decides.
    #[must_use]
    pub fn least_cooldown(&self) -> Duration {
        Duration::from_secs(if self.is_github_com() { 8 } else { 1 })
    }

    /// Whether this is GitHub's own public API, where the polite limits are not negotiable.
    #[must_use]
    pub fn is_github_com(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        host.trim_end_matches('.') == "api.github.com"
    }

    /// The host of links to issues behind this API; `None` for an API on this machine, which
    /// takes any.
    ///
    /// `https://api.github.com` serves github.com, `https://H/api/v3` serves H, and
    /// `https://api.NAME.ghe.com` serves NAME.ghe.com.
    #[must_use]
    pub fn web_host(&self) -> Option<String> {
        if is_loopback(&self.0) {
            return None;
        }
        let host = self.host();
        let bare = self.0.path().trim_matches('/').is_empty();
        match host.strip_prefix("api.") {
            Some(web) if bare => Some(web.to_owned()),
            _ => Some(host),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped();
            address.is_loopback() || mapped.is_some_and(|address| address.is_loopback())
        }
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ApiUrl {
        ApiUrl::parse(text).unwrap()
    }

    #[test]
    fn a_trailing_slash_makes_no_difference() {
        assert_eq!(
            url("https://api.github.com/").as_str(),
            "https://api.github.com"
        );
        assert_eq!(
            url("https://ghe.example/api/v3/").as_str(),
            "https://ghe.example/api/v3"
        );
        assert_eq!(
            url("http://127.0.0.1:8080").as_str(),
            "http://127.0.0.1:8080"
        );
    }

    #[test]
    fn the_limits_of_github_com_cannot_be_dodged_by_spelling() {
        assert!(url("https://API.GitHub.com").is_github_com());
        assert!(url("https://api.github.com.").is_github_com());
        assert!(url("https://api.github.com:443/").is_github_com());
        assert!(!url("https://ghe.example/api/v3").is_github_com());
    }

    #[test]
    fn each_api_has_its_web_host() {
        let web = |text| url(text).web_host();
        assert_eq!(web("https://api.github.com").as_deref(), Some("github.com"));
        assert_eq!(
            web("https://ghe.example/api/v3").as_deref(),
            Some("ghe.example")
        );
        assert_eq!(
            web("https://ghe.example:8443/api/v3").as_deref(),
            Some("ghe.example:8443")
        );
        assert_eq!(
            web("https://api.team.ghe.com").as_deref(),
            Some("team.ghe.com")
        );
        assert_eq!(web("http://localhost:1234"), None);
        assert_eq!(web("http://[::1]:1234/api/v3"), None);
    }

    #[test]
    fn the_token_goes_over_tls_or_stays_on_this_machine() {
        for text in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://localhost:3000/api/v3",
            "http://github.localhost",
            "http://[::1]:80",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(ApiUrl::parse(text).is_ok(), "{text}");
        }
        for text in [
            "http://api.github.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://[::2]",
            "http://0.0.0.0",
            "ftp://127.0.0.1",
            "unix:/run/x",
        ] {
            assert_eq!(ApiUrl::parse(text), Err(ApiUrlError::Scheme), "{text}");
        }
    }

    #[test]
    fn an_address_has_nothing_but_host_port_and_path() {
        assert_eq!(
            ApiUrl::parse("https://me:pw@api.github.com"),
            Err(ApiUrlError::Extra("a user or password"))
        );
        assert_eq!(
            ApiUrl::parse("https://api.github.com?x=1"),
            Err(ApiUrlError::Extra("a query"))
        );
        assert!(matches!(
            ApiUrl::parse("api.github.com"),
            Err(ApiUrlError::NotAUrl(_))
        ));
    }
}
