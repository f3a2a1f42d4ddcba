//! Whether everything in a store fits together.
//!
//! Decides what is a fault, and words it. Called offline, under the queue's lock, by `comenqd
//! check`, and for a store that was just imported. What each job must have is derived from its
//! record (`index::entries`); whatever is there and not derived, or derived and not there, is named.
//! Changes nothing of its own, but opening the files lets sled replay its log.

mod entries;
mod jobs;
pub(super) mod key;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::record::{self, Meta};
use super::space::Room;
use super::tree::Tree;
use super::txn::{Overlay, Txn};
use super::{State, StoreError, format, keys};

/// Faults kept in words; of more only the number.
const WORDED: usize = 1000;

/// What was checked, and what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Version of the layout.
    pub format: u32,
    /// Unfinished jobs.
    pub unfinished: u64,
    /// Finished ones.
    pub finished: u64,
    /// Entries of all kinds.
    pub entries: u64,
    /// What is wrong, in words.
    pub faults: Vec<String>,
    /// How many more faults there are.
    pub more: u64,
}

impl Report {
    fn fault(&mut self, what: String) {
        if self.faults.len() < WORDED {
            self.faults.push(what);
        } else {
            self.more += 1;
        }
    }
}

/// What the jobs add up to, to compare with the kept counts.
#[derive(Debug, Default)]
struct Totals {
    states: BTreeMap<(String, u32, State), u64>,
    /// Unfinished jobs and bytes of each user.
    users: BTreeMap<u32, (u64, u64)>,
    body_bytes: u64,
    last_job: u64,
}

/// A check under way.
struct Check<'a> {
    txn: Txn<'a>,
    /// Format 1 lacks what is counted and named in later ones.
    is_current: bool,
    totals: Totals,
    report: Report,
}

/// Checks a queue that nobody uses.
pub(super) fn queue(root: &Path) -> Result<Report, StoreError> {
    // Before the lock, which is a file of its own.
    format::refuse_without_queue(root)?;
    let _lock = format::lock_offline(root)?;
    let path = format::find(root)?;
    if !path.join("db").is_file() {
        return Err(format::no_queue(root));
    }
    let (db, _) = super::files::open_sled(&path)?;
    let done = catch_unwind(AssertUnwindSafe(|| {
        let bytes = db.get(keys::META)?.unwrap_or_default();
        let meta: Meta = record::decode(keys::META, &bytes)?;
        let refused = format::check(root, &meta);
        let mut report = examine(&Tree::of_format(&db, meta.format), &meta)?;
        if let Err(error) = refused {
            report.fault(error.to_string());
        }
        Ok(report)
    }));
    done.unwrap_or_else(|_| {
        Err(StoreError::Damaged(
            "its files cannot be read (sled panicked); restore them from a backup".to_owned(),
        ))
    })
}

/// Checks all that is in a store.
pub(super) fn examine(tree: &Tree, meta: &Meta) -> Result<Report, StoreError> {
    let mut overlay = Overlay::default();
    let mut check = Check {
        txn: Txn::new(tree, &mut overlay, meta.clone(), Room::default()),
        is_current: meta.format > 1,
        totals: Totals::default(),
        report: Report {
            format: meta.format,
            ..Report::default()
        },
    };
    for stored in tree.stored(Bound::Unbounded) {
        let (fence, block) = stored?;
        if matches!(fence.get(..1), Some(kind) if kind == keys::ACTIVE || kind == keys::DONE) {
            // What cannot be opened is named below.
            for (key, value) in tree.open(&fence, &block).unwrap_or_default() {
                let done = check.job(&key, &value);
                check.go_on(&key, done)?;
            }
        }
    }
    for stored in tree.stored(Bound::Unbounded) {
        let (fence, block) = stored?;
        let entries = tree.open(&fence, &block);
        for (key, value) in check.go_on(&fence, entries)?.unwrap_or_default() {
            check.report.entries += 1;
            let verdict = check.entry(&key, &value);
            if let Some(Some(why)) = check.go_on(&key, verdict)? {
                check.report.fault(format!("{}: {why}", key::name(&key)));
            }
        }
    }
    check.compare_totals();
    Ok(check.report)
}

impl Check<'_> {
    /// What else an entry leads to that cannot be read is a fault too, and no reason to stop.
    fn go_on<T>(
        &mut self,
        key: &[u8],
        done: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(error @ (StoreError::Damaged(_) | StoreError::NoSuchJob(_))) => {
                let what = format!("what {} leads to: {error}", key::name(key));
                self.report.fault(what);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn compare_totals(&mut self) {
        let meta = self.txn.meta.clone();
        if self.totals.last_job > meta.last_job {
            self.report.fault(format!(
                "job #{} is there, but the last number given out is {}",
                self.totals.last_job, meta.last_job
            ));
        }
        for ((account, uid, state), count) in std::mem::take(&mut self.totals.states) {
            let kept = self.txn.number(&keys::count(&account, uid, state.code()));
            if kept.as_ref().ok() != Some(&count) {
                self.report.fault(format!(
                    "user {uid} has {count} {} jobs on account {account}, {} are counted",
                    state.as_str(),
                    kept.map_or_else(|error| error.to_string(), |kept| kept.to_string())
                ));
            }
        }
        if !self.is_current {
            return;
        }
        let (unfinished, finished) = (self.report.unfinished, self.report.finished);
        for (what, counted, found) in [
            ("jobs", meta.jobs, unfinished + finished),
            ("finished jobs", meta.finished, finished),
            ("bytes of text", meta.body_bytes, self.totals.body_bytes),
        ] {
            if counted != found {
                self.report
                    .fault(format!("{counted} {what} are counted, {found} are there"));
            }
        }
        for (uid, (jobs, bytes)) in std::mem::take(&mut self.totals.users) {
            let kept: Result<record::UsageRecord, _> = self.txn.read_or_default(&keys::usage(uid));
            if kept.is_ok_and(|kept| (kept.jobs, kept.body_bytes) != (jobs, bytes)) {
                self.report.fault(format!(
                    "user {uid} has {jobs} unfinished jobs of {bytes} bytes, which is not what is \
                     counted"
                ));
            }
        }
    }
}
