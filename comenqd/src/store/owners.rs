//! Owners that bar an account: single sign-on, a list of addresses.
//!
//! Decides what is kept of it. Only such an owner's jobs wait; when its wait is over one of them
//! tries again. Called by the operations that conclude an attempt and that make the agenda.

use std::time::Duration;

use super::record::{self, OwnerWait};
use super::txn::Txn;
use super::{StoreError, keys, turns};
use crate::clock::Clock;

/// An owner that bars an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barred {
    /// The owner, in lower case.
    pub owner: String,
    /// Why, and since when.
    pub wait: OwnerWait,
    /// How long until one of its jobs tries again.
    pub left: Duration,
}

/// The owners that bar an account.
pub(super) fn barred(
    txn: &Txn<'_>,
    account: &str,
    clock: &Clock,
    longest: Duration,
) -> Result<Vec<Barred>, StoreError> {
    let prefix = keys::barred(account);
    let mut barred = Vec::new();
    let mut after = None;
    while let Some((key, value)) = txn.next(&prefix, after.as_deref())? {
        let wait: OwnerWait = record::decode(&key, &value)?;
        let span = Duration::from_millis(wait.wait_ms).min(longest);
        let left = clock.remaining(wait.since, span);
        if let Some(owner) = keys::parse_owner(account, &key) {
            barred.push(Barred { owner, wait, left });
        }
        after = Some(key);
    }
    Ok(barred)
}

/// Makes an owner's jobs wait. Those in line are put aside when their turn comes.
pub(super) fn bar(
    txn: &mut Txn<'_>,
    account: &str,
    owner: &str,
    mut wait: OwnerWait,
) -> Result<(), StoreError> {
    wait.reason = record::clip(&wait.reason);
    txn.write(keys::barred_owner(account, owner), &wait)
}

/// The owner answered as it answers everybody.
pub(super) fn let_in(txn: &mut Txn<'_>, account: &str, owner: &str) -> Result<(), StoreError> {
    let key = keys::barred_owner(account, owner);
    if txn.get(&key)?.is_some() {
        txn.remove(key);
        turns::unpark(txn, account, owner)?;
    }
    Ok(())
}

/// All of them are to be tried again. Says whether there were any.
pub(super) fn let_all_in(txn: &mut Txn<'_>, account: &str) -> Result<bool, StoreError> {
    let prefix = keys::barred(account);
    let mut any = false;
    while let Some((key, _)) = txn.next(&prefix, None)? {
        any = true;
        match keys::parse_owner(account, &key) {
            Some(owner) => let_in(txn, account, &owner)?,
            None => txn.remove(key),
        }
    }
    Ok(any)
}
