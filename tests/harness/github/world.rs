//! What the stand-in's GitHub contains: accounts, repositories, issues,
//! comments, lasting conditions and rate limits.
//!
//! Plain data under one lock. It knows nothing of HTTP; the routes ask it and
//! the control API and tests change it.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::apps::Apps;
use super::comment::{Comment, Hidden};
use super::fault::Hide;
use super::moves::Warning;
use super::record::Record;
use super::refusal::Refusal;
use super::reply::RateView;
use super::script::Script;
use super::target::{Kind, RepoRef, Route, Slug, Target};

/// Requests an hour, as GitHub grants a personal token.
const HOURLY: u64 = 5_000;
const HOUR_SECONDS: i64 = 3_600;
/// The number of the first repository.
const FIRST_REPO: u64 = 1_000_000;

/// Whom a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name.
    pub login: String,
    /// The number, which stays when the name changes.
    pub id: u64,
}

/// Where a lasting condition holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everywhere.
    Everything,
    /// For one account.
    Login(String),
    /// For all repositories of an owner.
    Owner(String),
    /// For one repository.
    Repo(Slug),
    /// For one issue.
    Issue(Target),
}

/// A refusal that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Where.
    pub scope: Scope,
    /// What is answered.
    pub refusal: Refusal,
    /// Only for requests of this kind; otherwise for all that the refusal suits.
    #[serde(default)]
    pub only: Option<Kind>,
}

/// A repository.
#[derive(Debug, Clone)]
pub(super) struct Repo {
    pub(super) id: u64,
    /// The name in the case it was made with.
    pub(super) full_name: String,
    pub(super) issues: BTreeMap<u64, Issue>,
}

/// An issue or pull request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Issue {
    pub(super) pull_request: bool,
    pub(super) closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    used: u64,
    reset: i64,
}

/// Everything the stand-in knows.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) accounts: HashMap<String, Account>,
    pub(super) repos: BTreeMap<Slug, Repo>,
    pub(super) comments: Vec<Comment>,
    pub(super) conditions: Vec<Condition>,
    pub(super) script: Script,
    pub(super) records: Vec<Record>,
    pub(super) apps: Apps,
    /// Old names and the ids of the repositories that had them.
    pub(super) moved_repos: BTreeMap<Slug, u64>,
    /// Old places of issues and their new ones.
    pub(super) moved_issues: BTreeMap<Target, Target>,
    pub(super) warnings: Vec<Warning>,
    windows: HashMap<String, Window>,
    last_id: u64,
}

/// A comment about to be made.
pub(super) struct Draft<'a> {
    pub(super) target: &'a Target,
    pub(super) account: &'a Account,
    pub(super) body: String,
    pub(super) hide: Option<Hide>,
}

impl World {
    /// Adds an issue, and its repository where that is new.
    pub(super) fn add_issue(&mut self, full_name: &str, target: &Target, issue: Issue) {
        let last = self.repos.values().map(|repo| repo.id).max();
        let id = last.map_or(FIRST_REPO, |last| last + 1);
        let repo = self
            .repos
            .entry(target.slug.clone())
            .or_insert_with(|| Repo {
                id,
                full_name: full_name.to_owned(),
                issues: BTreeMap::new(),
            });
        repo.issues.insert(target.number, issue);
    }

    /// Makes a comment at `now` (seconds on the stand-in's clock).
    pub(super) fn create(&mut self, draft: Draft<'_>, now: i64) -> Comment {
        self.last_id = self.last_id.max(3_000_000_000) + 1;
        let comment = Comment {
            id: self.last_id,
            html_url: self.html_url(draft.target, self.last_id),
            target: draft.target.clone(),
            body: draft.body,
            login: draft.account.login.clone(),
            user_id: draft.account.id,
            created_at: now,
            updated_at: now,
            hidden: draft.hide.map(|hide| Hidden::begin(hide, Instant::now())),
        };
        self.comments.push(comment.clone());
        comment
    }

    fn html_url(&self, target: &Target, id: u64) -> String {
        let repo = self.repos.get(&target.slug);
        let name = repo.map_or_else(|| target.slug.to_string(), |repo| repo.full_name.clone());
        let issue = repo.and_then(|repo| repo.issues.get(&target.number));
        let word = if issue.is_some_and(|issue| issue.pull_request) {
            "pull"
        } else {
            "issues"
        };
        format!(
            "https://github.com/{name}/{word}/{}#issuecomment-{id}",
            target.number
        )
    }

    /// Takes over the comments of an earlier run.
    pub(super) fn restore(&mut self, comments: Vec<Comment>) {
        self.last_id = comments.iter().map(|comment| comment.id).max().unwrap_or(0);
        self.comments = comments;
    }

    /// The user of that name, bots of Apps included.
    pub(super) fn user(&self, login: &str) -> Option<Account> {
        let mut all = self.accounts.values().cloned().chain(self.apps.bots());
        all.find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// The account of that name, or a made-up one for a passer-by.
    pub(super) fn account_of(&self, login: &str) -> Account {
        let known = self
            .accounts
            .values()
            .find(|account| account.login == login);
        known.cloned().unwrap_or_else(|| Account {
            login: login.to_owned(),
            id: 9_000_000 + login.bytes().map(u64::from).sum::<u64>(),
        })
    }

    /// The slug and repository that a route names.
    pub(super) fn repo(&self, route: &Route) -> Option<(&Slug, &Repo)> {
        match route.repo.as_ref()? {
            RepoRef::Slug(slug) => self.repos.get_key_value(slug),
            RepoRef::Id(id) => self.repos.iter().find(|(_, repo)| repo.id == *id),
        }
    }

    /// The issue that a route names, whether or not it exists.
    pub(super) fn target(&self, route: &Route) -> Option<Target> {
        let slug = match route.repo.as_ref()? {
            RepoRef::Slug(slug) => slug.clone(),
            RepoRef::Id(_) => self.repo(route)?.0.clone(),
        };
        Some(Target {
            slug,
            number: route.number?,
        })
    }

    /// The lasting refusal that meets a request, the widest scope first.
    pub(super) fn refusal(&self, kind: Kind, login: &str, target: &Place<'_>) -> Option<&Refusal> {
        let met = |condition: &&Condition| {
            condition
                .only
                .map_or_else(|| condition.refusal.meets(kind), |only| only == kind)
        };
        let mut found: Vec<(u8, &Condition)> = self
            .conditions
            .iter()
            .filter(met)
            .filter_map(|condition| Some((rank(&condition.scope, login, target)?, condition)))
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.first().map(|(_, condition)| &condition.refusal)
    }

    /// Replaces the condition of a scope (per kind), or lifts it with `None`.
    pub(super) fn set_condition(
        &mut self,
        scope: Scope,
        only: Option<Kind>,
        refusal: Option<Refusal>,
    ) {
        self.conditions
            .retain(|known| known.scope != scope || known.only != only);
        self.conditions.extend(refusal.map(|refusal| Condition {
            scope,
            refusal,
            only,
        }));
    }

    /// Counts a request and says what the rate-limit headers show. `Err` when
    /// the account has none left.
    pub(super) fn spend(&mut self, login: &str, now: i64) -> Result<RateView, RateView> {
        let fresh = Window {
            used: 0,
            reset: now.saturating_add(HOUR_SECONDS),
        };
        let window = self.windows.entry(login.to_owned()).or_insert(fresh);
        if now >= window.reset {
            *window = fresh;
        }
        let spent = window.used >= HOURLY;
        if !spent {
            window.used += 1;
        }
        let view = RateView {
            limit: HOURLY,
            used: window.used,
            reset: window.reset,
        };
        if spent { Err(view) } else { Ok(view) }
    }

    /// What the rate-limit headers show, without counting a request.
    pub(super) fn rate(&self, login: &str, now: i64) -> RateView {
        let fresh = Window {
            used: 0,
            reset: now.saturating_add(HOUR_SECONDS),
        };
        let window = self.windows.get(login).copied().unwrap_or(fresh);
        RateView {
            limit: HOURLY,
            used: window.used,
            reset: window.reset,
        }
    }

    /// Leaves an account `remaining` requests until `reset`.
    pub(super) fn set_rate(&mut self, login: &str, remaining: u64, reset: i64) {
        let window = Window {
            used: HOURLY.saturating_sub(remaining),
            reset,
        };
        self.windows.insert(login.to_owned(), window);
    }
}

/// What a request is about, as far as it says.
pub(super) struct Place<'a> {
    pub(super) slug: Option<&'a Slug>,
    pub(super) target: Option<&'a Target>,
}

fn rank(scope: &Scope, login: &str, place: &Place<'_>) -> Option<u8> {
    let (holds, rank) = match scope {
        Scope::Everything => (true, 0),
        Scope::Login(name) => (name == login, 1),
        Scope::Owner(owner) => (
            place
                .slug
                .is_some_and(|slug| slug.owner().eq_ignore_ascii_case(owner)),
            2,
        ),
        Scope::Repo(slug) => (place.slug == Some(slug), 3),
        Scope::Issue(target) => (place.target == Some(target), 4),
    };
    holds.then_some(rank)
}
