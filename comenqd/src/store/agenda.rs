//! What there is to do on an account.
//!
//! Decides nothing of when: that is the pacer's. Brings jobs into line whose time has come. Run on
//! the commit thread, for the worker.

use comenq_proto::JobId;

use super::index::{self, LOOK_STAGES};
use super::record::{Job, KnownIdentity, Lane};
use super::txn::Txn;
use super::{StoreError, keys};
use crate::clock::UnixMs;

/// What there is to do on an account.
#[derive(Debug, Clone, Default)]
pub struct Agenda {
    /// Who the account last was.
    pub identity: Option<KnownIdentity>,
    /// The pace and wait of its lane.
    pub lane: Lane,
    /// A job may go as far as the queue is concerned.
    pub ready: bool,
    /// When the next job that waits for a time joins its line.
    pub next_due: Option<UnixMs>,
    /// Jobs to look for: the first of each stage.
    pub looks: Vec<Job>,
    /// Jobs that cannot be looked for because they cannot be read, and why. Their targets go on
    /// waiting.
    pub damaged: Vec<(JobId, String)>,
}

/// Jobs brought into line in one transaction at most.
const PROMOTE_LIMIT: usize = 256;

/// Brings jobs into line whose time has come, and tells what there is to do. `host` is the
/// account's API host; the lane is that of the identity last seen there.
pub(super) fn agenda(
    txn: &mut Txn<'_>,
    account: &str,
    host: &str,
    now: UnixMs,
) -> Result<Agenda, StoreError> {
    let next_due = promote_due(txn, account, now)?;
    let identity = txn
        .read::<KnownIdentity>(&keys::identity(account))?
        .filter(|identity| identity.host == host);
    let user_id = identity.as_ref().map_or(0, |identity| identity.user_id);
    let lane = txn.read_or_default(&keys::lane(host, user_id))?;
    let ready = index::choose(txn, account)?.is_some();
    let mut agenda = Agenda {
        identity,
        lane,
        ready,
        next_due,
        ..Agenda::default()
    };
    for stage in LOOK_STAGES {
        first_look(txn, &keys::looks(account, stage), &mut agenda)?;
    }
    Ok(agenda)
}

/// The first job of a stage that can be read.
fn first_look(txn: &mut Txn<'_>, stage: &[u8], agenda: &mut Agenda) -> Result<(), StoreError> {
    while let Some((key, _)) = txn.next(stage, None)? {
        let id = keys::tail_id(&key)
            .ok_or_else(|| StoreError::Damaged("a look without a job".to_owned()))?;
        match index::load(txn, id) {
            Ok(job) => {
                agenda.looks.push(job);
                break;
            }
            Err(error @ (StoreError::Damaged(_) | StoreError::NoSuchJob(_))) => {
                txn.remove(key);
                agenda.damaged.push((id, error.to_string()));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn promote_due(
    txn: &mut Txn<'_>,
    account: &str,
    now: UnixMs,
) -> Result<Option<UnixMs>, StoreError> {
    let prefix = keys::waiting(account);
    for _ in 0..PROMOTE_LIMIT {
        let Some((key, _)) = txn.next(&prefix, None)? else {
            return Ok(None);
        };
        let (due, id) = keys::parse_due(&key)
            .ok_or_else(|| StoreError::Damaged("a waiting job without a time".to_owned()))?;
        if due > now {
            return Ok(Some(due));
        }
        match index::load(txn, id) {
            Ok(old) => {
                let mut job = old.clone();
                job.due_passed = job.not_before.is_some_and(|at| at <= now) || job.due_passed;
                job.next_attempt_at = job.next_attempt_at.filter(|at| *at > now);
                index::save(txn, Some(&old), &job)?;
            }
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => txn.remove(key),
            Err(other) => return Err(other),
        }
    }
    Ok(Some(now))
}
