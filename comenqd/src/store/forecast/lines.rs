//! The lines of one account as they will be: who still stands in them, and who is first.
//!
//! Decides what `turns` decides, without writing: what is stored is the beginning, and only lines in
//! which something changes are kept here. Called by [`super`], which knows the time.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::Reading;
use crate::store::StoreError;
use crate::store::keys::{self, Rank};
use crate::store::record::Job;

/// A place in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// It waits for a time; nobody behind it goes.
    pub(super) waits: bool,
    /// Its owner where that is not its target's.
    pub(super) moved: Option<String>,
}

impl Place {
    /// That of a job.
    pub(super) fn of(job: &Job, waits: bool) -> Self {
        let moved = job.moved_to.as_ref();
        Self {
            waits,
            moved: moved.map(|to| to.owner.as_str().to_ascii_lowercase()),
        }
    }

    /// The place that an entry of kind `t` describes.
    fn read(entry: &[u8]) -> Option<Self> {
        let (waits, owner) = entry.split_first()?;
        let moved = std::str::from_utf8(owner).ok()?;
        Some(Self {
            waits: *waits != 0,
            moved: (!moved.is_empty()).then(|| moved.to_owned()),
        })
    }
}

/// What differs in one line from what is stored.
#[derive(Debug, Default)]
struct Line {
    /// All that is stored up to here has gone.
    gone_to: Option<Rank>,
    /// Those behind that which have gone.
    gone: BTreeSet<Rank>,
    /// Those that have joined, or stand otherwise than is stored.
    joined: BTreeMap<Rank, Place>,
    /// Who is among the heads of its user.
    head: Option<Rank>,
}

/// Heads as they are stored, from some place on.
#[derive(Debug)]
struct Source {
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
}

/// A user's lines.
#[derive(Debug)]
struct User {
    sources: Vec<Source>,
    lines: BTreeMap<String, Line>,
    /// The heads of `lines`.
    heads: BTreeMap<Rank, String>,
}

/// All lines of an account.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) account: String,
    users: BTreeMap<u32, User>,
    /// Owners that bar the account just now.
    pub(super) barred: BTreeSet<String>,
    /// Owners that barred it when this began, and no longer do.
    let_in: Vec<String>,
    /// Targets of posts that run: by then they have ended.
    pub(super) freed: BTreeSet<String>,
}

impl Lines {
    pub(super) fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            users: BTreeMap::new(),
            barred: BTreeSet::new(),
            let_in: Vec::new(),
            freed: BTreeSet::new(),
        }
    }

    fn user(&mut self, uid: u32) -> &mut User {
        let (account, let_in) = (&self.account, &self.let_in);
        self.users.entry(uid).or_insert_with(|| {
            let parked = let_in.iter().map(|it| keys::parked_of(account, it, uid));
            let prefixes = [keys::ready(account, uid)].into_iter().chain(parked);
            User {
                sources: prefixes
                    .map(|prefix| Source {
                        prefix,
                        after: None,
                    })
                    .collect(),
                lines: BTreeMap::new(),
                heads: BTreeMap::new(),
            }
        })
    }

    /// From here on an owner does not bar the account.
    pub(super) fn let_in(
        &mut self,
        reading: &Reading<'_, '_>,
        owner: &str,
    ) -> Result<(), StoreError> {
        self.barred.remove(owner);
        for (uid, user) in &mut self.users {
            user.sources.push(Source {
                prefix: keys::parked_of(&self.account, owner, *uid),
                after: None,
            });
        }
        self.let_in.push(owner.to_owned());
        let touched: Vec<_> = self
            .users
            .iter()
            .flat_map(|(uid, user)| user.lines.keys().map(|target| (*uid, target.clone())))
            .collect();
        for (uid, target) in touched {
            self.refresh(reading, uid, &target)?;
        }
        Ok(())
    }

    /// The first job of a user that may go.
    pub(super) fn first(
        &mut self,
        reading: &Reading<'_, '_>,
        uid: u32,
    ) -> Result<Option<(Rank, String)>, StoreError> {
        let count = self.user(uid).sources.len();
        let mut best = None;
        for source in 0..count {
            let found = self.stored_head(reading, uid, source)?;
            best = earlier(best, found);
        }
        let own = self.user(uid).heads.first_key_value();
        Ok(earlier(
            best,
            own.map(|(rank, target)| (*rank, target.clone())),
        ))
    }

    /// The first head of a source in whose line nothing has changed.
    fn stored_head(
        &mut self,
        reading: &Reading<'_, '_>,
        uid: u32,
        at: usize,
    ) -> Result<Option<(Rank, String)>, StoreError> {
        loop {
            let Some(source) = self.user(uid).sources.get(at) else {
                return Ok(None);
            };
            let next = reading.next(&source.prefix, source.after.as_deref())?;
            let Some((key, target)) = next else {
                return Ok(None);
            };
            let found = Rank::tail(&key).zip(String::from_utf8(target).ok());
            if let Some((rank, target)) = found
                && !self.user(uid).lines.contains_key(&target)
            {
                if self.barred.is_empty() {
                    return Ok(Some((rank, target)));
                }
                // It may have to stand aside.
                self.refresh(reading, uid, &target)?;
            }
            if let Some(source) = self.user(uid).sources.get_mut(at) {
                source.after = Some(key);
            }
        }
    }

    /// Takes a job out of its line.
    pub(super) fn remove(
        &mut self,
        reading: &Reading<'_, '_>,
        uid: u32,
        target: &str,
        rank: Rank,
    ) -> Result<(), StoreError> {
        let line = self.user(uid).lines.entry(target.to_owned()).or_default();
        line.joined.remove(&rank);
        line.gone.insert(rank);
        self.refresh(reading, uid, target)
    }

    /// Lets a job join its line, or stand in it otherwise.
    pub(super) fn join(
        &mut self,
        reading: &Reading<'_, '_>,
        uid: u32,
        target: &str,
        (rank, place): (Rank, Place),
    ) -> Result<(), StoreError> {
        let line = self.user(uid).lines.entry(target.to_owned()).or_default();
        line.joined.insert(rank, place);
        self.refresh(reading, uid, target)
    }

    /// Finds out anew who is the head of a line.
    pub(super) fn refresh(
        &mut self,
        reading: &Reading<'_, '_>,
        uid: u32,
        target: &str,
    ) -> Result<(), StoreError> {
        let stored = keys::line(&self.account, uid, target);
        let line = self.user(uid).lines.entry(target.to_owned()).or_default();
        let (head, gone_to) = first_in_line(reading, &stored, line)?;
        line.gone_to = gone_to;
        let head = head.filter(|(_, place)| !place.waits && !self.bars(target, place));
        let is_held = head.is_some() && self.is_held(reading, target)?;
        let head = head.filter(|_| !is_held).map(|(rank, _)| rank);
        let user = self.user(uid);
        if let Some(line) = user.lines.get_mut(target) {
            if let Some(old) = std::mem::replace(&mut line.head, head) {
                user.heads.remove(&old);
            }
            if let Some(new) = head {
                user.heads.insert(new, target.to_owned());
            }
        }
        Ok(())
    }

    fn bars(&self, target: &str, place: &Place) -> bool {
        let owner = place.moved.as_deref();
        let owner = owner.or_else(|| target.split('/').next());
        owner.is_some_and(|owner| self.barred.contains(owner))
    }

    /// Something of what was sent there is not known.
    pub(super) fn is_held(
        &self,
        reading: &Reading<'_, '_>,
        target: &str,
    ) -> Result<bool, StoreError> {
        Ok(!self.freed.contains(target)
            && reading.exists(&keys::unresolved(&self.account, target))?)
    }
}

fn earlier(one: Option<(Rank, String)>, other: Option<(Rank, String)>) -> Option<(Rank, String)> {
    one.into_iter().chain(other).min()
}

type First = Option<(Rank, Place)>;

/// Who stands first in a line, and up to where all that is stored has gone.
fn first_in_line(
    reading: &Reading<'_, '_>,
    stored: &[u8],
    line: &mut Line,
) -> Result<(First, Option<Rank>), StoreError> {
    let mut gone_to = line.gone_to;
    let joined = line.joined.first_key_value();
    let joined = joined.map(|(rank, place)| (*rank, place.clone()));
    loop {
        let after = gone_to.map(|rank| [stored, &rank.0].concat());
        let next = reading.next(stored, after.as_deref())?;
        let found = next.and_then(|(key, entry)| Rank::tail(&key).zip(Place::read(&entry)));
        let Some((rank, place)) = found else {
            return Ok((joined, gone_to));
        };
        if line.gone.remove(&rank) {
            gone_to = Some(rank);
            continue;
        }
        let place = line.joined.get(&rank).cloned().unwrap_or(place);
        let first = match joined {
            Some((other, joined)) if other < rank => (other, joined),
            _ => (rank, place),
        };
        return Ok((Some(first), gone_to));
    }
}
