//! The repository of the git checkout we stand in.
//!
//! Decides which is meant: `GH_REPO`, the remote that `gh repo set-default` chose,
//! else `origin`, else the others in gh's order; and that only GitHub's hosts count.
//! Asked only when a number stands alone.

use std::{ffi::OsString, process::Command};

use comenq_proto::TargetRef;
use url::Url;

use crate::failure::Failure;

/// GitHub's own host, and the one it serves ssh on where port 22 is closed.
const GITHUB: &str = "github.com";
const GITHUB_SSH: &str = "ssh.github.com";
/// Under which GitHub hosts enterprises with data residency.
const GITHUB_ENTERPRISE_CLOUD: &str = ".ghe.com";

/// The remote that a clone has, then the order in which gh prefers the others:
/// <https://github.com/cli/cli/blob/trunk/context/remote.go> (2026-11).
const PREFERRED: [&str; 3] = ["origin", "upstream", "github"];

/// What `git` tells of a checkout.
struct Checkout {
    /// `name TAB url (fetch)`.
    remotes: String,
    /// `remote.NAME.gh-resolved VALUE`.
    resolved: String,
}

/// One remote on a GitHub host.
#[derive(Debug, PartialEq, Eq)]
struct Remote {
    name: String,
    host: String,
    slug: String,
}

/// Issue `number` of the repository we stand in.
///
/// # Errors
/// We stand in none, or it has no remote on GitHub.
pub(crate) fn target(
    number: &str,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<TargetRef, Failure> {
    let set = |name: &str| environment(name).and_then(|value| value.into_string().ok());
    let enterprise = set("GH_HOST");
    let (host, slug) = match set("GH_REPO").filter(|named| !named.is_empty()) {
        Some(named) => named_repository(&named, enterprise.as_deref().unwrap_or(GITHUB)),
        None => of_checkout(number, enterprise.as_deref())?,
    };
    if host == GITHUB {
        return Ok(TargetRef::from_parts(&slug, number)?);
    }
    TargetRef::from_parts(&slug, number)?;
    Ok(format!("https://{host}/{slug}/issues/{number}").parse()?)
}

fn of_checkout(number: &str, enterprise: Option<&str>) -> Result<(String, String), Failure> {
    let checkout = look().map_err(|why| nowhere(&why, number))?;
    let chosen = checkout.choose(checkout.remotes(enterprise));
    chosen.ok_or_else(|| {
        let why = "no remote of this git checkout is on a host of GitHub's (GH_HOST names another)";
        nowhere(why, number)
    })
}

fn nowhere(why: &str, number: &str) -> Failure {
    Failure::usage(format!("#{number} of which repository? {why}"))
        .with_detail(format!("name it: OWNER/REPO#{number}"))
}

/// What git tells, or why it tells nothing.
fn look() -> Result<Checkout, String> {
    let ask = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output();
        output.map_err(|error| format!("git, which knows, cannot be run: {error}"))
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let remotes = ask(&["remote", "-v"])?;
    if !remotes.status.success() {
        let said = text(&remotes.stderr);
        let said = said.lines().next().unwrap_or_default();
        // Another language or another trouble is told as git tells it.
        return Err(
            if said.is_empty() || said.contains("not a git repository") {
                "this is no git checkout".to_owned()
            } else {
                format!("git says: {said}")
            },
        );
    }
    // Fails where there is none.
    let resolved = ask(&["config", "--get-regexp", r"^remote\..*\.gh-resolved$"])?;
    Ok(Checkout {
        remotes: text(&remotes.stdout),
        resolved: text(&resolved.stdout),
    })
}

impl Checkout {
    /// Those on hosts of GitHub's, once each.
    fn remotes(&self, enterprise: Option<&str>) -> Vec<Remote> {
        let lines = self.remotes.lines().filter_map(|line| {
            let (name, rest) = line.split_once('\t')?;
            // A partial clone says more behind it.
            let (url, _) = rest.split_once(" (fetch)")?;
            let (host, slug) = place(url)?;
            let is_github = host == GITHUB
                || host.ends_with(GITHUB_ENTERPRISE_CLOUD)
                || enterprise.is_some_and(|it| it.eq_ignore_ascii_case(&host));
            is_github.then(|| Remote {
                name: name.to_owned(),
                host,
                slug,
            })
        });
        lines.collect()
    }

    /// Host and `owner/repo` of the one that is meant.
    fn choose(&self, mut remotes: Vec<Remote>) -> Option<(String, String)> {
        for line in self.resolved.lines() {
            let Some((key, value)) = line.split_once(' ') else {
                continue;
            };
            let name = key
                .strip_prefix("remote.")
                .and_then(|key| key.strip_suffix(".gh-resolved"));
            let Some(remote) = remotes.iter().find(|it| Some(it.name.as_str()) == name) else {
                continue;
            };
            return match value {
                "base" => Some((remote.host.clone(), remote.slug.clone())),
                named => Some(named_repository(named, &remote.host)),
            };
        }
        let rank = |remote: &Remote| {
            let found = PREFERRED.iter().position(|name| *name == remote.name);
            found.unwrap_or(PREFERRED.len())
        };
        remotes.sort_by_key(rank);
        let first = remotes.into_iter().next()?;
        Some((first.host, first.slug))
    }
}

/// Host and `owner/repo` of `[HOST/]OWNER/REPO`, as gh writes it.
fn named_repository(named: &str, host: &str) -> (String, String) {
    match named.split_once('/') {
        Some((host, slug)) if slug.contains('/') => (host.to_ascii_lowercase(), slug.to_owned()),
        _ => (host.to_owned(), named.to_owned()),
    }
}

/// Host and `owner/repo` of a remote's URL; `None` for a path or another shape.
fn place(url: &str) -> Option<(String, String)> {
    let url = if url.contains("://") {
        Url::parse(url).ok()?
    } else {
        // git's short form: `user@host:owner/repo`.
        let (host, path) = url
            .split_once(':')
            .filter(|(host, _)| !host.contains('/'))?;
        Url::parse(&format!("ssh://{host}/{path}")).ok()?
    };
    let host = url.host_str()?.to_ascii_lowercase();
    let host = match host.as_str() {
        GITHUB_SSH | "www.github.com" => GITHUB.to_owned(),
        _ => host,
    };
    let path = url.path().trim_matches('/');
    let slug = path.strip_suffix(".git").unwrap_or(path);
    Some((host, slug.to_owned()))
}

#[cfg(test)]
mod tests;
