//! Whose turn it is: users on an account, and the heads of their lines.
//!
//! Decides the order in which jobs go. Called by `index` when a job changes, and by the operations
//! that choose one.
//!
//! Choosing costs O(users · log n): each user's line per target is kept in order (`t`), its head
//! stands among that user's heads (`r`) while it may go, and users stand by when they last had a
//! turn (`s`). Nothing is scanned. Heads whose owner bars the account stand aside (`w`); they go
//! there when they are met, so that barring an owner costs nothing at once.

use super::StoreError;
use super::keys::{self, Rank};
use super::record::Job;
use super::txn::Txn;

/// Heads moved in one transaction at most.
pub(super) const STEP_LIMIT: usize = 256;

/// What stands in line for a job: whether it waits for a time, and its owner where that is not
/// its target's.
pub(super) fn line_entry(job: &Job) -> Vec<u8> {
    let mut entry = vec![u8::from(job.next_attempt_at.is_some())];
    if let Some(moved_to) = &job.moved_to {
        entry.extend_from_slice(moved_to.owner.as_str().to_ascii_lowercase().as_bytes());
    }
    entry
}

/// Where a head stands: as a rank, and the owner that bars it.
type Place = (Rank, Option<String>);

fn encode(place: &Place) -> Vec<u8> {
    let (rank, owner) = place;
    let owner = owner.as_deref().unwrap_or_default();
    [&rank.0, owner.as_bytes()].concat()
}

fn decode(bytes: &[u8]) -> Option<Place> {
    let (rank, owner) = bytes.split_first_chunk()?;
    let owner = String::from_utf8(owner.to_vec()).ok()?;
    Some((Rank(*rank), (!owner.is_empty()).then_some(owner)))
}

/// Puts the head of one user's line for a target where it belongs: among that user's heads, among
/// those whose owner bars the account, or nowhere.
pub(super) fn set_head(
    txn: &mut Txn<'_>,
    account: &str,
    uid: u32,
    target: &str,
) -> Result<(), StoreError> {
    let is_held = is_held(txn, account, target)?;
    move_head(txn, account, uid, target, is_held)
}

/// An unresolved job holds back its target for everyone on the account.
fn is_held(txn: &Txn<'_>, account: &str, target: &str) -> Result<bool, StoreError> {
    txn.exists_under(&keys::unresolved(account, target))
}

fn move_head(
    txn: &mut Txn<'_>,
    account: &str,
    uid: u32,
    target: &str,
    is_held: bool,
) -> Result<(), StoreError> {
    let key = keys::head(account, uid, target);
    let stands = txn.get(&key)?.and_then(|bytes| decode(&bytes));
    let belongs = if is_held {
        None
    } else {
        place(txn, account, uid, target)?
    };
    if stands == belongs {
        return Ok(());
    }
    if let Some(place) = &stands {
        txn.remove(spot(account, uid, place));
    }
    match &belongs {
        Some(place) => put_head(txn, account, uid, target, place),
        None => txn.remove(key),
    }
    Ok(())
}

/// The key of a place.
fn spot(account: &str, uid: u32, (rank, owner): &Place) -> Vec<u8> {
    match owner {
        None => keys::ready_at(account, uid, *rank),
        Some(owner) => keys::parked_at(account, owner, uid, *rank),
    }
}

fn put_head(txn: &mut Txn<'_>, account: &str, uid: u32, target: &str, place: &Place) {
    txn.put(spot(account, uid, place), target);
    txn.put(keys::head(account, uid, target), encode(place));
}

/// Where a head belongs that nothing holds back.
fn place(
    txn: &Txn<'_>,
    account: &str,
    uid: u32,
    target: &str,
) -> Result<Option<Place>, StoreError> {
    let Some((key, entry)) = txn.next(&keys::line(account, uid, target), None)? else {
        return Ok(None);
    };
    let (Some(rank), Some((0, owner))) = (Rank::tail(&key), entry.split_first()) else {
        return Ok(None);
    };
    let owner = match std::str::from_utf8(owner) {
        Ok(moved) if !moved.is_empty() => moved,
        _ => target.split('/').next().unwrap_or_default(),
    };
    let is_barred = txn.get(&keys::barred_owner(account, owner))?.is_some();
    Ok(Some((rank, is_barred.then(|| owner.to_owned()))))
}

/// Does so for everybody on the account.
pub(super) fn set_heads_of_all(
    txn: &mut Txn<'_>,
    account: &str,
    target: &str,
) -> Result<(), StoreError> {
    let is_held = is_held(txn, account, target)?;
    for (_, uid) in users(txn, account)? {
        move_head(txn, account, uid, target, is_held)?;
    }
    Ok(())
}

/// Does so when a job of `uid` begins or ceases to hold back its target. Looks at half as much when
/// it ceases, which each attempt ends with.
pub(super) fn hold_or_release(
    txn: &mut Txn<'_>,
    account: &str,
    uid: u32,
    target: &str,
) -> Result<(), StoreError> {
    if is_held(txn, account, target)? {
        return set_heads_of_all(txn, account, target);
    }
    set_head(txn, account, uid, target)?;
    for (_, other) in users(txn, account)? {
        // What was held back has no head that would have to be taken from its place. If damage
        // left one, the claim that meets it looks at its job first.
        if other != uid
            && let Some(place) = place(txn, account, other, target)?
        {
            put_head(txn, account, other, target, &place);
        }
    }
    Ok(())
}

/// Everybody who ever queued on the account, the one served longest ago first, with when.
pub(super) fn users(txn: &Txn<'_>, account: &str) -> Result<Vec<(u64, u32)>, StoreError> {
    let mut users = Vec::new();
    for entry in txn.scan(&keys::turns(account)) {
        users.extend(keys::parse_turn(&entry?.0));
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

/// Writes down that a user had a turn, on every account that shares the lane.
pub(super) fn serve<'a>(
    txn: &mut Txn<'_>,
    accounts: impl IntoIterator<Item = &'a String>,
    uid: u32,
) -> Result<(), StoreError> {
    txn.meta.turns += 1;
    let now = txn.meta.turns;
    for account in accounts {
        let key = keys::user(account, uid);
        if txn.get(&key)?.is_none() {
            continue;
        }
        let before = txn.number(&key)?;
        txn.remove(keys::turn(account, before, uid));
        txn.put(keys::turn(account, now, uid), Vec::new());
        txn.put(key, now.to_be_bytes());
    }
    Ok(())
}

/// The head of a line: a job that may go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) account: String,
    pub(super) uid: u32,
    pub(super) rank: Rank,
    pub(super) target: String,
}

/// Among which jobs to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// The accounts that share the lane, and of each the owners that bar it but may be tried
    /// again.
    pub accounts: Vec<(String, Vec<String>)>,
}

/// Whose turn it is, over all accounts of the lane: the first head of the user served longest ago.
pub(super) fn choose(txn: &mut Txn<'_>, field: &Field) -> Result<Option<Head>, StoreError> {
    let mut best: Option<(u64, Head)> = None;
    for (account, open) in &field.accounts {
        let bars = txn.exists_under(&keys::barred(account))?;
        for (served, uid) in users(txn, account)? {
            if best.as_ref().is_some_and(|(least, _)| served >= *least) {
                break;
            }
            let head = if bars {
                first_unbarred(txn, account, uid, open)?
            } else {
                first(txn, account, uid)?
            };
            if let Some(head) = head {
                best = Some((served, head));
                break;
            }
        }
    }
    Ok(best.map(|(_, head)| head))
}

fn first(txn: &Txn<'_>, account: &str, uid: u32) -> Result<Option<Head>, StoreError> {
    let found = txn.next(&keys::ready(account, uid), None)?;
    found.map_or(Ok(None), |entry| head(account, uid, entry))
}

fn head(
    account: &str,
    uid: u32,
    (key, target): (Vec<u8>, Vec<u8>),
) -> Result<Option<Head>, StoreError> {
    let damaged = |_| StoreError::Damaged("a target that is not text".to_owned());
    let target = String::from_utf8(target).map_err(damaged)?;
    Ok(Rank::tail(&key).map(|rank| Head {
        account: account.to_owned(),
        uid,
        rank,
        target,
    }))
}

/// The first head whose owner does not bar the account, or may be tried again. Those that are
/// barred are put aside, at most [`STEP_LIMIT`] at once: then the next choice goes on.
fn first_unbarred(
    txn: &mut Txn<'_>,
    account: &str,
    uid: u32,
    open: &[String],
) -> Result<Option<Head>, StoreError> {
    let mut best = None;
    for _ in 0..STEP_LIMIT {
        let Some(found) = first(txn, account, uid)? else {
            break;
        };
        set_head(txn, account, uid, &found.target)?;
        if first(txn, account, uid)?.as_ref() == Some(&found) {
            best = Some(found);
            break;
        }
    }
    for owner in open {
        let parked = txn.next(&keys::parked_of(account, owner, uid), None)?;
        let parked = parked.map_or(Ok(None), |entry| head(account, uid, entry))?;
        if let Some(parked) = parked
            && best.as_ref().is_none_or(|best| parked.rank < best.rank)
        {
            best = Some(parked);
        }
    }
    Ok(best)
}

/// Puts heads back among the others whose owner no longer bars the account, at most
/// [`STEP_LIMIT`] at once.
pub(super) fn unpark(txn: &mut Txn<'_>, account: &str, owner: &str) -> Result<(), StoreError> {
    let prefix = keys::parked(account, owner);
    for _ in 0..STEP_LIMIT {
        let Some((key, target)) = txn.next(&prefix, None)? else {
            break;
        };
        let parsed = keys::parse_parked(&key).zip(String::from_utf8(target).ok());
        match parsed {
            Some((uid, target)) => {
                set_head(txn, account, uid, &target)?;
                // One that damage left there would be met again and again.
                if txn.get(&key)?.is_some() {
                    txn.remove(key);
                }
            }
            None => txn.remove(key),
        }
    }
    Ok(())
}

/// Goes on with what [`unpark`] left.
pub(super) fn unpark_rest(txn: &mut Txn<'_>, account: &str) -> Result<(), StoreError> {
    let prefix = keys::all_parked(account);
    let mut after = None;
    while let Some((key, _)) = txn.next(&prefix, after.as_deref())? {
        let Some(owner) = keys::parse_parked_owner(account, &key) else {
            txn.remove(key);
            continue;
        };
        if txn.get(&keys::barred_owner(account, &owner))?.is_none() {
            return unpark(txn, account, &owner);
        }
        after = keys::after_all(&keys::parked(account, &owner));
    }
    Ok(())
}

/// Takes a job that cannot be read out of its line, so that it blocks nobody. Its record and its
/// place among the unfinished stay for a person to look at.
pub(super) fn set_aside(txn: &mut Txn<'_>, head: &Head) -> Result<(), StoreError> {
    let (account, uid, target) = (&head.account, head.uid, &head.target);
    txn.remove(keys::in_line(account, uid, target, head.rank));
    set_head(txn, account, uid, target)?;
    // One that damage left there leads to nothing that `set_head` knows.
    let key = keys::ready_at(account, uid, head.rank);
    let stands = txn.get(&keys::head(account, uid, target))?;
    let stands = stands.and_then(|bytes| decode(&bytes));
    if stands != Some((head.rank, None)) && txn.get(&key)?.is_some() {
        txn.remove(key);
    }
    Ok(())
}
