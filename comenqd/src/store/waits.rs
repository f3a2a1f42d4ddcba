//! What an account or a lane waits for, and who it is.
//!
//! Decides where a wait is kept: what somebody must mend with the account, the rest with who posts,
//! for two accounts with one login share it. Run on the commit thread, for the worker.

use super::posting::LaneKey;
use super::record::{self, KnownIdentity, Lane, Wait, WaitKind};
use super::txn::Txn;
use super::{StoreError, keys, owners};

/// Keeps a wait where it belongs: what somebody must mend with the account, the rest with who
/// posts.
pub(super) fn keep_wait(
    txn: &mut Txn<'_>,
    account: &str,
    lane: &mut Lane,
    mut wait: Wait,
) -> Result<(), StoreError> {
    if wait.kind != WaitKind::Blocked {
        lane.strike(wait);
        return Ok(());
    }
    wait.reason = record::clip(&wait.reason);
    txn.write(keys::blocked(account), &wait)
}

/// Makes a whole lane wait, or blocks its account, outside of any attempt.
pub(super) fn set_wait(
    txn: &mut Txn<'_>,
    account: &str,
    lane: &LaneKey,
    wait: Wait,
) -> Result<(), StoreError> {
    let key = keys::lane(&lane.host, lane.user_id);
    let mut state: Lane = txn.read_or_default(&key)?;
    keep_wait(txn, account, &mut state, wait)?;
    txn.write(key, &state)
}

/// Lets a blocked account, and owners that bar it, be tried again. Says whether any was waiting.
pub(super) fn resume(txn: &mut Txn<'_>, account: &str) -> Result<bool, StoreError> {
    let key = keys::blocked(account);
    let was_blocked = txn.get(&key)?.is_some();
    if was_blocked {
        txn.remove(key);
    }
    Ok(owners::let_all_in(txn, account)? || was_blocked)
}

/// Remembers who an account is, and returns that lane. What a lane that was not known waited for
/// is over: somebody answered. So is a block of an account that is answered again.
pub(super) fn set_identity(
    txn: &mut Txn<'_>,
    account: &str,
    identity: &KnownIdentity,
) -> Result<Lane, StoreError> {
    let key = keys::identity(account);
    if txn.read::<KnownIdentity>(&key)?.as_ref() != Some(identity) {
        txn.write(key, identity)?;
        txn.remove(keys::lane(&identity.host, 0));
    }
    if txn.get(&keys::blocked(account))?.is_some() {
        txn.remove(keys::blocked(account));
    }
    txn.read_or_default(&keys::lane(&identity.host, identity.user_id))
}
