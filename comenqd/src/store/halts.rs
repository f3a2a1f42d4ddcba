//! What administrators have stopped: posting, of all or of one account, or the taking of jobs.
//!
//! Decides where a stop is kept and what it covers. Durable, so that a restart ends none. What a
//! pause means for the next request is the pacer's. Run on the commit thread.

use std::collections::BTreeMap;

use super::record::{self, Halt};
use super::txn::Txn;
use super::{StoreError, keys};

/// What can be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halted {
    /// Posting, on all accounts.
    Queue,
    /// Posting, on one account.
    Account(String),
    /// The taking of jobs.
    Intake,
}

impl Halted {
    fn key(&self) -> Vec<u8> {
        match self {
            Self::Queue => keys::QUEUE_HALT.to_vec(),
            Self::Account(account) => keys::account_halt(account),
            Self::Intake => keys::INTAKE_HALT.to_vec(),
        }
    }
}

/// Everything that is stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Halts {
    /// Posting, on all accounts.
    pub queue: Option<Halt>,
    /// Posting, on single accounts.
    pub accounts: BTreeMap<String, Halt>,
    /// The taking of jobs.
    pub intake: Option<Halt>,
}

/// A pause that covers an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Since when, and by whom.
    pub halt: Halt,
    /// It is that of the whole queue.
    pub is_of_queue: bool,
}

/// Stops something. Says whether it was not stopped before; what was stays as it was ordered.
pub(super) fn halt(txn: &mut Txn<'_>, what: &Halted, mut halt: Halt) -> Result<bool, StoreError> {
    let key = what.key();
    if txn.get(&key)?.is_some() {
        return Ok(false);
    }
    halt.reason = halt.reason.as_deref().map(record::clip);
    txn.write(key, &halt)?;
    Ok(true)
}

/// Ends a stop. Says whether there was one.
pub(super) fn lift(txn: &mut Txn<'_>, what: &Halted) -> Result<bool, StoreError> {
    let key = what.key();
    let was_halted = txn.get(&key)?.is_some();
    if was_halted {
        txn.remove(key);
    }
    Ok(was_halted)
}

/// Everything that is stopped.
pub(super) fn all(txn: &Txn<'_>) -> Result<Halts, StoreError> {
    let mut halts = Halts {
        queue: txn.read(keys::QUEUE_HALT)?,
        intake: txn.read(keys::INTAKE_HALT)?,
        accounts: BTreeMap::new(),
    };
    let mut after = None;
    while let Some((key, value)) = txn.next(keys::ACCOUNT_HALTS, after.as_deref())? {
        if let Some(account) = keys::parse_account_halt(&key) {
            halts
                .accounts
                .insert(account, record::decode(&key, &value)?);
        }
        after = Some(key);
    }
    Ok(halts)
}

/// What keeps an account from posting. One that cannot be read still does.
pub(super) fn of_account(txn: &Txn<'_>, account: &str) -> Result<Option<Paused>, StoreError> {
    let paused = |halt, is_of_queue| Paused { halt, is_of_queue };
    if let Some(halt) = txn.read(keys::QUEUE_HALT)? {
        return Ok(Some(paused(halt, true)));
    }
    let own = txn.read(&keys::account_halt(account))?;
    Ok(own.map(|halt| paused(halt, false)))
}

/// Refuses new jobs while the queue is drained.
pub(super) fn admit(txn: &Txn<'_>) -> Result<(), StoreError> {
    match txn.read::<Halt>(keys::INTAKE_HALT)? {
        Some(halt) => Err(StoreError::Draining(halt)),
        None => Ok(()),
    }
}
