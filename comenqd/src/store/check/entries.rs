//! One entry: does it belong to something that is there?
//!
//! Decides for each kind of entry what it must lead to. Called for every entry of the store.

use comenq_proto::JobId;
use serde::de::DeserializeOwned;

use super::Check;
use super::key::Parts;
use crate::store::keys::{self, Rank};
use crate::store::record::{self, KeyRecord, LogEntry, UsageRecord};
use crate::store::{State, StoreError, alone, index, texts, turns};

/// What is wrong with an entry, if anything is.
type Verdict = Result<Option<&'static str>, StoreError>;

const UNREADABLE: &str = "it cannot be read";
const ORPHAN: &str = "it belongs to no job";
const STRAY: &str = "its job does not have it";

/// Nothing is wrong where `is_well` holds.
fn unless(is_well: bool, why: &'static str) -> Option<&'static str> {
    (!is_well).then_some(why)
}

fn readable<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Option<&'static str> {
    unless(record::decode::<T>(key, value).is_ok(), UNREADABLE)
}

impl Check<'_> {
    /// Says what is wrong with an entry.
    pub(super) fn entry(&mut self, key: &[u8], value: &[u8]) -> Verdict {
        match key.first() {
            Some(b's' | b'z') if !value.is_empty() => Ok(Some(UNREADABLE)),
            // Records of jobs were read before.
            Some(b'a' | b'j') => Ok(unless(keys::tail_id(key).is_some(), UNREADABLE)),
            Some(b'm' | b'o' | b'p' | b'i' | b'B' | b'H') => {
                Ok(unless(alone::read_entry(key, value).is_ok(), UNREADABLE))
            }
            Some(b'f') => self.derived(key, value, keys::parse_finished(key).map(|(_, id)| id)),
            Some(b't') => self.derived(key, value, Rank::tail(key).and_then(Rank::id)),
            Some(b'd' | b'v' | b'n' | b'x' | b'l' | b'N') => {
                self.derived(key, value, keys::tail_id(key))
            }
            Some(b'b') => self.chunk(key),
            Some(b'e') => self.log_entry(key, value),
            Some(b'k') => self.submit_key(key, value),
            Some(b'z') => {
                let Some((_, submit_key)) = keys::parse_forgotten(key) else {
                    return Ok(Some(UNREADABLE));
                };
                let is_there = self.txn.get(&submit_key)?.is_some();
                Ok(unless(is_there, "its submit key is not there"))
            }
            Some(b'h') => self.stands(key, value),
            Some(b'r') => self.ready(key, value),
            Some(b'w') => self.parked(key, value),
            Some(b'u') => self.user(key, value),
            Some(b's') => self.turn(key),
            Some(b'c') => Ok(self.count(key, value)),
            Some(b'q') => Ok(self.usage(key, value)),
            // That of a job which was purged leads nowhere, and stays.
            Some(b'g') if *value == keys::PURGED.to_be_bytes() => Ok(None),
            Some(b'g') => self.leads_to(value, |job| job.comment_id == keys::tail_u64(key)),
            Some(b'y') => Ok(unless(texts::is_readable(key, value), UNREADABLE)),
            _ => Ok(Some("no such kind of entry is known")),
        }
    }

    /// An entry that follows from a job's record.
    fn derived(&self, key: &[u8], value: &[u8], id: Option<JobId>) -> Verdict {
        let Some(id) = id else {
            return Ok(Some(UNREADABLE));
        };
        match index::load(&self.txn, id) {
            Ok(job) => {
                let entries = index::entries(&job)?;
                let has = entries.iter().any(|(k, v)| k == key && v == value);
                Ok(unless(has, STRAY))
            }
            Err(StoreError::NoSuchJob(_)) => Ok(Some(ORPHAN)),
            // That the record cannot be read was said.
            Err(StoreError::Damaged(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn chunk(&self, key: &[u8]) -> Verdict {
        let mut parts = Parts::of(key);
        let Some((id, chunk)) = parts.u64().zip(parts.u16()) else {
            return Ok(Some(UNREADABLE));
        };
        self.of_job(id, |job| {
            let rest = usize::try_from(job.body_bytes)
                .unwrap_or(usize::MAX)
                .saturating_sub(keys::HEAD_BYTES);
            usize::from(chunk) < rest.div_ceil(keys::CHUNK_BYTES)
        })
    }

    fn log_entry(&self, key: &[u8], value: &[u8]) -> Verdict {
        let mut parts = Parts::of(key);
        let Some((id, entry)) = parts.u64().zip(parts.u32()) else {
            return Ok(Some(UNREADABLE));
        };
        if let Some(why) = readable::<LogEntry>(key, value) {
            return Ok(Some(why));
        }
        self.of_job(id, |job| entry < job.log_entries)
    }

    fn of_job(&self, id: u64, has: impl Fn(&record::Job) -> bool) -> Verdict {
        let Ok(id) = JobId::new(id) else {
            return Ok(Some(ORPHAN));
        };
        match index::load(&self.txn, id) {
            Ok(job) => Ok(unless(has(&job), STRAY)),
            Err(StoreError::NoSuchJob(_)) => Ok(Some(ORPHAN)),
            Err(StoreError::Damaged(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn submit_key(&self, key: &[u8], value: &[u8]) -> Verdict {
        let Ok(found) = record::decode::<KeyRecord>(key, value) else {
            return Ok(Some(UNREADABLE));
        };
        if found.pruned.is_some() {
            return Ok(None);
        }
        let named = keys::parse_submit_key(key);
        self.of_job(found.job, |job| !self.is_current || job.submit_key == named)
    }

    fn leads_to(&self, value: &[u8], has: impl Fn(&record::Job) -> bool) -> Verdict {
        match <[u8; 8]>::try_from(value) {
            Ok(id) => self.of_job(u64::from_be_bytes(id), has),
            Err(_) => Ok(Some(UNREADABLE)),
        }
    }

    /// Where the head of a line stands, and whether it is the head.
    fn stands(&mut self, key: &[u8], value: &[u8]) -> Verdict {
        let mut parts = Parts::of(key);
        let place = (parts.text(), parts.u32(), parts.text());
        let (Some(account), Some(uid), Some(target)) = place else {
            return Ok(Some(UNREADABLE));
        };
        let Some((rank, owner)) = rank_and_text(value) else {
            return Ok(Some(UNREADABLE));
        };
        let at = if owner.is_empty() {
            keys::ready_at(account, uid, rank)
        } else {
            keys::parked_at(account, owner, uid, rank)
        };
        if self.txn.get(&at)?.as_deref() != Some(target.as_bytes()) {
            return Ok(Some("it stands among no heads"));
        }
        self.head(account, uid, target)?;
        Ok(None)
    }

    /// Compares the head of a line with what the line says. An owner that bars the account puts
    /// heads aside when they are met, so that where it stands is not compared.
    pub(super) fn head(&mut self, account: &str, uid: u32, target: &str) -> Result<(), StoreError> {
        let key = keys::head(account, uid, target);
        let rank = |place: Option<Vec<u8>>| place.and_then(|place| place.first_chunk().copied());
        let stands: Option<[u8; keys::RANK_BYTES]> = rank(self.txn.get(&key)?);
        turns::set_head(&mut self.txn, account, uid, target)?;
        if rank(self.txn.get(&key)?) != stands {
            self.report.fault(format!(
                "user {uid}'s line for {target} on account {account} has another head than the \
                 one that stands for it"
            ));
        }
        Ok(())
    }

    fn ready(&self, key: &[u8], value: &[u8]) -> Verdict {
        let mut parts = Parts::of(key);
        self.is_head(parts.text(), parts.u32(), Rank::tail(key), value)
    }

    fn parked(&self, key: &[u8], value: &[u8]) -> Verdict {
        let account = Parts::of(key).text();
        self.is_head(account, keys::parse_parked(key), Rank::tail(key), value)
    }

    fn is_head(
        &self,
        account: Option<&str>,
        uid: Option<u32>,
        rank: Option<Rank>,
        target: &[u8],
    ) -> Verdict {
        let target = std::str::from_utf8(target).ok();
        let (Some(account), Some(uid), Some(rank), Some(target)) = (account, uid, rank, target)
        else {
            return Ok(Some(UNREADABLE));
        };
        let head = self.txn.get(&keys::head(account, uid, target))?;
        let is_it = head.is_some_and(|head| head.starts_with(&rank.0));
        Ok(unless(is_it, "it is no head of a line"))
    }

    fn user(&self, key: &[u8], value: &[u8]) -> Verdict {
        let mut parts = Parts::of(key);
        let (Some(account), Some(uid), Ok(served)) =
            (parts.text(), parts.u32(), <[u8; 8]>::try_from(value))
        else {
            return Ok(Some(UNREADABLE));
        };
        let turn = keys::turn(account, u64::from_be_bytes(served), uid);
        Ok(unless(
            self.txn.get(&turn)?.is_some(),
            "this user never gets a turn",
        ))
    }

    fn turn(&self, key: &[u8]) -> Verdict {
        let Some((account, (served, uid))) = Parts::of(key).text().zip(keys::parse_turn(key))
        else {
            return Ok(Some(UNREADABLE));
        };
        let user = self.txn.get(&keys::user(account, uid))?;
        let is_it = user.as_deref() == Some(&served.to_be_bytes());
        Ok(unless(is_it, "this user's turn is another"))
    }

    /// Counts of what is there were compared; this one may be of what is not.
    fn count(&self, key: &[u8], value: &[u8]) -> Option<&'static str> {
        let mut parts = Parts::of(key);
        let (Some(account), Some(uid), Some(state)) = (
            parts.text(),
            parts.u32(),
            parts.u8().and_then(State::from_code),
        ) else {
            return Some(UNREADABLE);
        };
        let counted = (account.to_owned(), uid, state);
        let is_there = self.totals.states.contains_key(&counted) || value == [0; 8];
        unless(is_there, "there are no such jobs")
    }

    fn usage(&self, key: &[u8], value: &[u8]) -> Option<&'static str> {
        let uid = keys::tail_u32(key);
        let Ok(usage) = record::decode::<UsageRecord>(key, value) else {
            return Some(UNREADABLE);
        };
        let has_jobs = uid.is_some_and(|uid| self.totals.users.contains_key(&uid));
        unless(has_jobs || usage.jobs == 0, "this user has no such jobs")
    }
}

/// A rank and the text behind it.
fn rank_and_text(value: &[u8]) -> Option<(Rank, &str)> {
    let (rank, text) = value.split_first_chunk()?;
    Some((Rank(*rank), std::str::from_utf8(text).ok()?))
}
