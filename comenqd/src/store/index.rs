//! Keeps every index in step with the jobs, and finds whose turn it is.
//!
//! Decides which entries a job has, as a pure function of its record: [`save`] writes the
//! difference, so no operation can forget one. Called by the store's operations.
//!
//! Choosing costs O(users · log n): each user's line per target is kept in order (`t`), its head
//! stands among that user's heads (`r`) while it may go, and users stand by when they last had a
//! turn (`s`). Nothing is scanned.

use comenq_proto::JobId;

use super::StoreError;
use super::keys::{self, Rank};
use super::record::{self, Job};
use super::transition::State;
use super::txn::{Entry, Txn};

/// Reads a job that must exist.
pub(super) fn load(txn: &Txn<'_>, id: JobId) -> Result<Job, StoreError> {
    for key in [keys::active(id), keys::done(id)] {
        if let Some(bytes) = txn.get(&key)? {
            return record::decode_job(&key, id, &bytes);
        }
    }
    Err(StoreError::NoSuchJob(id))
}

/// Writes `new` in place of `old` with all that follows from the change.
pub(super) fn save(txn: &mut Txn<'_>, old: Option<&Job>, new: &Job) -> Result<(), StoreError> {
    if let Some(old) = old
        && old.state != new.state
        && !old.state.may_become(new.state)
    {
        return Err(StoreError::WrongState {
            id: old.id,
            state: old.state.as_str(),
        });
    }
    let before = old.map(entries).transpose()?.unwrap_or_default();
    let after = entries(new)?;
    for (key, _) in &before {
        if !after.iter().any(|(kept, _)| kept == key) {
            txn.remove(key.clone());
        }
    }
    for entry in after {
        if !before.contains(&entry) {
            txn.put(entry.0, entry.1);
        }
    }
    count(txn, old, new)?;
    if old.is_some_and(Job::is_unresolved) == new.is_unresolved() {
        set_head(txn, &new.account, new.uid, &new.target.lower())
    } else {
        set_heads_of_all(txn, &new.account, &new.target.lower())
    }
}

fn count(txn: &mut Txn<'_>, old: Option<&Job>, new: &Job) -> Result<(), StoreError> {
    if old.is_some_and(|old| old.state == new.state) {
        return Ok(());
    }
    if let Some(old) = old {
        txn.add(keys::count(&old.account, old.uid, old.state.code()), -1)?;
    }
    txn.add(keys::count(&new.account, new.uid, new.state.code()), 1)
}

/// Every entry that a job has by itself: its record first, then its places in the indexes.
fn entries(job: &Job) -> Result<Vec<Entry>, StoreError> {
    let (account, uid, target) = (&job.account, job.uid, &job.target.lower());
    let mut entries = Vec::with_capacity(4);
    let finished = job.state.is_finished();
    let key = if finished {
        keys::done(job.id)
    } else {
        keys::active(job.id)
    };
    let record = record::encode_job(&key, job)?;
    entries.push((key, record));
    if finished {
        let at = job.finished_at.unwrap_or(job.created_at);
        entries.push((keys::finished(at, job.id), Vec::new()));
    }
    if job.state == State::Queued {
        let early = job.not_before.filter(|_| !job.due_passed);
        if let Some(due) = early.or(job.next_attempt_at) {
            entries.push((keys::due(account, due, job.id), Vec::new()));
        }
        // A job whose time has not come holds back nobody; a deferred one holds back its line.
        if early.is_none() {
            let deferred = u8::from(job.next_attempt_at.is_some());
            entries.push((
                keys::in_line(account, uid, target, rank(job)),
                vec![deferred],
            ));
        }
    }
    if job.is_unresolved() {
        entries.push((keys::unresolved_job(account, target, job.id), Vec::new()));
    }
    if let Some(sequence) = job.look_sequence {
        entries.push((
            keys::look(account, look_stage(job), sequence, job.id),
            Vec::new(),
        ));
    }
    Ok(entries)
}

/// Looks of one stage wait equally long, so each stage is a plain queue.
pub(super) const LOOK_STAGES: [u8; 2] = [0, 1];

fn look_stage(job: &Job) -> u8 {
    u8::from(job.empty_looks > 0)
}

pub(super) fn rank(job: &Job) -> Rank {
    Rank::new(job.priority, job.order, job.id)
}

/// Puts the head of one user's line for a target among that user's heads, or takes it away.
fn set_head(txn: &mut Txn<'_>, account: &str, uid: u32, target: &str) -> Result<(), StoreError> {
    let key = keys::head(account, uid, target);
    let stands = txn.get(&key)?.and_then(|bytes| Rank::tail(&bytes));
    let belongs = if txn.exists_under(&keys::unresolved(account, target))? {
        None
    } else {
        txn.next(&keys::line(account, uid, target), None)?
            .filter(|(_, deferred)| deferred.as_slice() == [0])
            .and_then(|(key, _)| Rank::tail(&key))
    };
    if stands == belongs {
        return Ok(());
    }
    if let Some(rank) = stands {
        txn.remove(keys::ready_at(account, uid, rank));
    }
    match belongs {
        Some(rank) => {
            txn.put(keys::ready_at(account, uid, rank), target);
            txn.put(key, rank.0);
        }
        None => txn.remove(key),
    }
    Ok(())
}

/// An unresolved job holds back its target for everyone on the account.
fn set_heads_of_all(txn: &mut Txn<'_>, account: &str, target: &str) -> Result<(), StoreError> {
    for uid in users(txn, account)? {
        set_head(txn, account, uid, target)?;
    }
    Ok(())
}

/// Everybody who ever queued on the account, the one served longest ago first.
pub(super) fn users(txn: &Txn<'_>, account: &str) -> Result<Vec<u32>, StoreError> {
    let prefix = keys::turns(account);
    let mut users = Vec::new();
    let mut after = None;
    while let Some((key, _)) = txn.next(&prefix, after.as_deref())? {
        users.extend(keys::tail_u32(&key));
        after = Some(key);
    }
    Ok(users)
}

/// Makes a user known to the account's turns.
pub(super) fn know_user(txn: &mut Txn<'_>, account: &str, uid: u32) -> Result<(), StoreError> {
    let key = keys::user(account, uid);
    if txn.get(&key)?.is_none() {
        txn.put(key, 0_u64.to_be_bytes());
        txn.put(keys::turn(account, 0, uid), Vec::new());
    }
    Ok(())
}

/// Writes down that a user had a turn.
pub(super) fn serve(txn: &mut Txn<'_>, account: &str, uid: u32) -> Result<(), StoreError> {
    let key = keys::user(account, uid);
    let before = txn.number(&key)?;
    txn.meta.turns += 1;
    let now = txn.meta.turns;
    txn.remove(keys::turn(account, before, uid));
    txn.put(keys::turn(account, now, uid), Vec::new());
    txn.put(key, now.to_be_bytes());
    Ok(())
}

/// The head of a line: a job that may go now.
pub(super) struct Head {
    pub(super) uid: u32,
    pub(super) rank: Rank,
    target: String,
}

/// Whose turn it is: the first head of the user served longest ago.
pub(super) fn choose(txn: &Txn<'_>, account: &str) -> Result<Option<Head>, StoreError> {
    for uid in users(txn, account)? {
        if let Some((key, target)) = txn.next(&keys::ready(account, uid), None)? {
            let damaged = |_| StoreError::Damaged("a target that is not text".to_owned());
            let target = String::from_utf8(target).map_err(damaged)?;
            return Ok(Rank::tail(&key).map(|rank| Head { uid, rank, target }));
        }
    }
    Ok(None)
}

/// Takes a job that cannot be read out of its line, so that it blocks nobody. Its record and its
/// place among the unfinished stay for a person to look at.
pub(super) fn set_aside(txn: &mut Txn<'_>, account: &str, head: &Head) -> Result<(), StoreError> {
    txn.remove(keys::in_line(account, head.uid, &head.target, head.rank));
    set_head(txn, account, head.uid, &head.target)
}
