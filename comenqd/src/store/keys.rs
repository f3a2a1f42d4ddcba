//! The layout of the store: one ordered tree, each kind of entry under its own first byte.
//!
//! Decides where every value lives and in which order entries of a kind are read. Called by the
//! store's operations only. All numbers are big-endian, so that byte order is numeric order.
//! Texts inside a key carry a length byte, so that no key is a prefix of another's neighbour.
//! A target is its lower-cased `owner/repo#number`: GitHub ignores case.
//!
//! | first byte | rest of the key | value | what for |
//! |---|---|---|---|
//! | `m` | — | [`Meta`](super::record::Meta) | format, identity, last job id, commit sequence |
//! | `a` | id | job record | unfinished jobs |
//! | `j` | id | job record | finished jobs |
//! | `b` | id, chunk (u16) | at most [`CHUNK_BYTES`] of text | the body beyond its record |
//! | `k` | uid, submit key | key record | retried submits find their job |
//! | `f` | !finished (ms), !id | — | finished jobs, newest first |
//! | `e` | id, entry (u32) | log record | a job's attempts and looks |
//! | `z` | forgotten (ms), uid, submit key | — | keys of pruned jobs, the first to be forgotten first |
//! | `y` | bucket (u16) of a text's digest | pairs of digest and job id | the last jobs with a text |
//! | `t` | account, uid, target, rank | 0 ready, 1 deferred; owner where it moved | a user's queued jobs of one target, in order |
//! | `h` | account, uid, target | rank; owner if barred | where that target stands in `r` or `w` |
//! | `r` | account, uid, rank | target | heads of targets that may go now |
//! | `w` | account, owner, uid, rank | target | heads whose owner bars the account |
//! | `o` | account, owner | owner wait record | owners that bar the account |
//! | `d` | account, due (ms), id | — | queued jobs that wait for a time; in front those without a date yet |
//! | `v` | account, expiry (ms), id | — | queued and held jobs that expire; in front those without a date yet |
//! | `n` | account, uid, target, replace key, id | — | queued jobs that a newer one replaces |
//! | `u` | account, uid | served (u64) | when the user last had a turn |
//! | `s` | account, served, uid | — | users, the one served longest ago first |
//! | `x` | account, target, id | — | unresolved jobs: their target waits |
//! | `l` | account, stage, sequence, id | — | looks, in the order in which they fall due |
//! | `c` | account, uid, state | count (u64) | kept counts |
//! | `q` | uid | usage record | what a user has in the queue |
//! | `g` | host, comment id | job id, [`PURGED`] of one that is gone | whose comment it is: unique |
//! | `p` | host, user id | lane record | pace and wait of who posts |
//! | `i` | account | identity record | who the account last was |
//! | `B` | account | wait record | an account that somebody must unblock |
//! | `H` | what (`q` the queue, `d` the taking of jobs, `a` and account) | halt record | what administrators have stopped |
//! | `N` | account, number (u64), id | — | queued jobs that need not wait for the cooldown |
//!
//! rank = !priority (u8), order (i64, sign bit flipped), id: higher priority first, then order
//! (age, unless bumped), then id.
//!
//! Few entries a job, and large ones: sled copies a leaf's list of entries at every insert, so
//! that leaves full of tiny entries cost the most.

use comenq_proto::JobId;

use super::dating::NO_DATE;
use crate::clock::UnixMs;

/// Bytes of body in one entry. sled moves larger values to files that it never syncs.
pub(super) const CHUNK_BYTES: usize = 4096;

/// Bytes of body that its job's record holds itself: most comments, and well under a chunk
/// together with the rest of the record.
pub(super) const HEAD_BYTES: usize = 2048;

/// The one entry of kind `m`.
pub(super) const META: &[u8] = b"m";

/// Builds one key.
#[derive(Debug, Clone)]
pub(super) struct Key(Vec<u8>);

impl Key {
    fn new(kind: u8) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(kind);
        Self(bytes)
    }

    fn text(mut self, text: &str) -> Self {
        // Every text here is bounded far below 255 bytes by its own type.
        let bytes = text.as_bytes();
        let len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        self.0.push(len);
        self.0
            .extend_from_slice(bytes.get(..usize::from(len)).unwrap_or(bytes));
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u64(self, number: u64) -> Self {
        self.raw(&number.to_be_bytes())
    }

    fn u32(self, number: u32) -> Self {
        self.raw(&number.to_be_bytes())
    }

    fn done(self) -> Vec<u8> {
        self.0
    }
}

/// A signed number so that byte order is numeric order.
fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

fn unordered(number: u64) -> i64 {
    (number ^ (1 << 63)).cast_signed()
}

/// The number in the last eight bytes of a key.
pub(super) fn tail_u64(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>()
        .map(|bytes| u64::from_be_bytes(*bytes))
}

/// The job id in the last eight bytes of a key.
pub(super) fn tail_id(key: &[u8]) -> Option<JobId> {
    tail_u64(key).and_then(|id| JobId::new(id).ok())
}

/// The number in the last four bytes of a key.
pub(super) fn tail_u32(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>()
        .map(|bytes| u32::from_be_bytes(*bytes))
}

/// The first key behind all that begin with `prefix`; `None` if there is none.
pub(super) fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    let byte = end.last_mut()?;
    *byte = byte.saturating_add(1);
    Some(end)
}

/// Bytes in a rank.
pub(super) const RANK_BYTES: usize = 17;

/// The order of jobs inside a user's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(pub(super) [u8; RANK_BYTES]);

impl Rank {
    pub(super) fn new(priority: i8, order: i64, id: JobId) -> Self {
        let mut bytes = [0; RANK_BYTES];
        let (head, rest) = bytes.split_at_mut(1);
        let (middle, tail) = rest.split_at_mut(8);
        head.copy_from_slice(&[!(priority.cast_unsigned() ^ 0x80)]);
        middle.copy_from_slice(&ordered(order).to_be_bytes());
        tail.copy_from_slice(&id.get().to_be_bytes());
        Self(bytes)
    }

    /// Before everything else of its user.
    pub(super) const FIRST: i8 = i8::MAX;

    /// The rank at the end of a key of kind `t`, `r` or `w`.
    pub(super) fn tail(key: &[u8]) -> Option<Self> {
        key.last_chunk::<RANK_BYTES>().copied().map(Self)
    }

    pub(super) fn id(self) -> Option<JobId> {
        tail_id(&self.0)
    }
}

pub(super) fn bodies(id: JobId) -> Vec<u8> {
    Key::new(b'b').u64(id.get()).done()
}

pub(super) fn body(id: JobId, chunk: u16) -> Vec<u8> {
    Key::new(b'b')
        .u64(id.get())
        .raw(&chunk.to_be_bytes())
        .done()
}

pub(super) fn submit_key(uid: u32, key: &str) -> Vec<u8> {
    Key::new(b'k').u32(uid).text(key).done()
}

pub(super) const SUBMIT_KEYS: &[u8] = b"k";

/// The submit key in a key made by [`submit_key`].
pub(super) fn parse_submit_key(key: &[u8]) -> Option<String> {
    String::from_utf8(key.get(6..)?.to_vec()).ok()
}

pub(super) const ACTIVE: &[u8] = b"a";

pub(super) fn active(id: JobId) -> Vec<u8> {
    Key::new(b'a').u64(id.get()).done()
}

pub(super) fn done(id: JobId) -> Vec<u8> {
    Key::new(b'j').u64(id.get()).done()
}

pub(super) const DONE: &[u8] = b"j";

pub(super) const FINISHED: &[u8] = b"f";

pub(super) fn finished(at: UnixMs, id: JobId) -> Vec<u8> {
    Key::new(b'f').u64(!ordered(at.0)).u64(!id.get()).done()
}

/// Time and id of a key made by [`finished`].
pub(super) fn parse_finished(key: &[u8]) -> Option<(UnixMs, JobId)> {
    let (at, id) = key.get(1..17)?.split_at_checked(8)?;
    let at = unordered(!tail_u64(at)?);
    Some((UnixMs(at), JobId::new(!tail_u64(id)?).ok()?))
}

pub(super) fn lines_of(account: &str, uid: u32) -> Vec<u8> {
    Key::new(b't').text(account).u32(uid).done()
}

pub(super) fn line(account: &str, uid: u32, target: &str) -> Vec<u8> {
    Key::new(b't').text(account).u32(uid).text(target).done()
}

pub(super) fn in_line(account: &str, uid: u32, target: &str, rank: Rank) -> Vec<u8> {
    Key(line(account, uid, target)).raw(&rank.0).done()
}

pub(super) fn head(account: &str, uid: u32, target: &str) -> Vec<u8> {
    Key::new(b'h').text(account).u32(uid).text(target).done()
}

pub(super) fn ready(account: &str, uid: u32) -> Vec<u8> {
    Key::new(b'r').text(account).u32(uid).done()
}

pub(super) fn ready_at(account: &str, uid: u32, rank: Rank) -> Vec<u8> {
    Key(ready(account, uid)).raw(&rank.0).done()
}

pub(super) fn waiting(account: &str) -> Vec<u8> {
    Key::new(b'd').text(account).done()
}

pub(super) fn due(account: &str, at: UnixMs, id: JobId) -> Vec<u8> {
    Key(waiting(account))
        .u64(ordered(at.0))
        .u64(id.get())
        .done()
}

/// Waiting jobs that have no date yet.
pub(super) fn undated(account: &str) -> Vec<u8> {
    Key(waiting(account)).u64(ordered(NO_DATE.0)).done()
}

/// Behind the last of those.
pub(super) fn before_dated(account: &str) -> Vec<u8> {
    Key(undated(account)).u64(u64::MAX).done()
}

/// When and who, of a key made by [`due`] or [`expiry`].
pub(super) fn parse_due(key: &[u8]) -> Option<(UnixMs, JobId)> {
    let (at, id) = key.last_chunk::<16>()?.split_at_checked(8)?;
    Some((UnixMs(unordered(tail_u64(at)?)), tail_id(id)?))
}

pub(super) fn user(account: &str, uid: u32) -> Vec<u8> {
    Key::new(b'u').text(account).u32(uid).done()
}

pub(super) fn turns(account: &str) -> Vec<u8> {
    Key::new(b's').text(account).done()
}

pub(super) fn turn(account: &str, served: u64, uid: u32) -> Vec<u8> {
    Key(turns(account)).u64(served).u32(uid).done()
}

/// When, and which user, of a key made by [`turn`].
pub(super) fn parse_turn(key: &[u8]) -> Option<(u64, u32)> {
    let (served, uid) = key.last_chunk::<12>()?.split_at_checked(8)?;
    Some((tail_u64(served)?, tail_u32(uid)?))
}

pub(super) const ALL_UNRESOLVED: &[u8] = b"x";

pub(super) fn all_unresolved_of(account: &str) -> Vec<u8> {
    Key::new(b'x').text(account).done()
}

pub(super) fn unresolved(account: &str, target: &str) -> Vec<u8> {
    Key::new(b'x').text(account).text(target).done()
}

pub(super) fn unresolved_job(account: &str, target: &str, id: JobId) -> Vec<u8> {
    Key(unresolved(account, target)).u64(id.get()).done()
}

pub(super) fn looks(account: &str, stage: u8) -> Vec<u8> {
    Key::new(b'l').text(account).raw(&[stage]).done()
}

pub(super) fn look(account: &str, stage: u8, sequence: u64, id: JobId) -> Vec<u8> {
    Key(looks(account, stage))
        .u64(sequence)
        .u64(id.get())
        .done()
}

pub(super) fn barred(account: &str) -> Vec<u8> {
    Key::new(b'o').text(account).done()
}

pub(super) fn barred_owner(account: &str, owner: &str) -> Vec<u8> {
    Key(barred(account)).text(owner).done()
}

/// The owner in a key made by [`barred_owner`].
pub(super) fn parse_owner(account: &str, key: &[u8]) -> Option<String> {
    let owner = key.get(barred(account).len() + 1..)?;
    String::from_utf8(owner.to_vec()).ok()
}

pub(super) fn all_parked(account: &str) -> Vec<u8> {
    Key::new(b'w').text(account).done()
}

/// The owner in a key made by [`parked_at`].
pub(super) fn parse_parked_owner(account: &str, key: &[u8]) -> Option<String> {
    let (len, rest) = key.get(all_parked(account).len()..)?.split_first()?;
    String::from_utf8(rest.get(..usize::from(*len))?.to_vec()).ok()
}

pub(super) fn parked(account: &str, owner: &str) -> Vec<u8> {
    Key::new(b'w').text(account).text(owner).done()
}

pub(super) fn parked_of(account: &str, owner: &str, uid: u32) -> Vec<u8> {
    Key(parked(account, owner)).u32(uid).done()
}

pub(super) fn parked_at(account: &str, owner: &str, uid: u32, rank: Rank) -> Vec<u8> {
    Key(parked_of(account, owner, uid)).raw(&rank.0).done()
}

/// Whose head a key made by [`parked_at`] is.
pub(super) fn parse_parked(key: &[u8]) -> Option<u32> {
    let before = key.len().checked_sub(RANK_BYTES)?;
    tail_u32(key.get(..before)?)
}

pub(super) fn expiries(account: &str) -> Vec<u8> {
    Key::new(b'v').text(account).done()
}

pub(super) fn expiry(account: &str, at: UnixMs, id: JobId) -> Vec<u8> {
    Key(expiries(account))
        .u64(ordered(at.0))
        .u64(id.get())
        .done()
}

pub(super) fn replaceable(account: &str, uid: u32, target: &str, replace_key: &str) -> Vec<u8> {
    Key::new(b'n')
        .text(account)
        .u32(uid)
        .text(target)
        .text(replace_key)
        .done()
}

pub(super) fn replaceable_job(line: &[u8], id: JobId) -> Vec<u8> {
    Key(line.to_vec()).u64(id.get()).done()
}

pub(super) fn texts(bucket: u16) -> Vec<u8> {
    Key::new(b'y').raw(&bucket.to_be_bytes()).done()
}

pub(super) fn log(id: JobId) -> Vec<u8> {
    Key::new(b'e').u64(id.get()).done()
}

pub(super) fn log_entry(id: JobId, entry: u32) -> Vec<u8> {
    Key(log(id)).u32(entry).done()
}

pub(super) const FORGOTTEN: &[u8] = b"z";

pub(super) fn forgotten(at: UnixMs, uid: u32, key: &str) -> Vec<u8> {
    Key::new(b'z').u64(ordered(at.0)).u32(uid).text(key).done()
}

/// When, and which submit key, of a key made by [`forgotten`].
pub(super) fn parse_forgotten(key: &[u8]) -> Option<(UnixMs, Vec<u8>)> {
    let (at, rest) = key.get(1..)?.split_at_checked(8)?;
    let submit_key = Key::new(b'k').raw(rest).done();
    Some((UnixMs(unordered(tail_u64(at)?)), submit_key))
}

pub(super) fn usage(uid: u32) -> Vec<u8> {
    Key::new(b'q').u32(uid).done()
}

pub(super) fn blocked(account: &str) -> Vec<u8> {
    Key::new(b'B').text(account).done()
}

/// In place of the id of a job that was purged: its comment stays nobody else's, for good.
pub(super) const PURGED: u64 = u64::MAX;

pub(super) const QUEUE_HALT: &[u8] = b"Hq";

pub(super) const INTAKE_HALT: &[u8] = b"Hd";

pub(super) const ACCOUNT_HALTS: &[u8] = b"Ha";

pub(super) fn account_halt(account: &str) -> Vec<u8> {
    Key(ACCOUNT_HALTS.to_vec()).text(account).done()
}

/// The account in a key made by [`account_halt`].
pub(super) fn parse_account_halt(key: &[u8]) -> Option<String> {
    let (len, rest) = key.get(ACCOUNT_HALTS.len()..)?.split_first()?;
    let account = rest
        .get(..usize::from(*len))
        .filter(|it| it.len() == rest.len())?;
    String::from_utf8(account.to_vec()).ok()
}

pub(super) fn urgent(account: &str) -> Vec<u8> {
    Key::new(b'N').text(account).done()
}

pub(super) fn urgent_job(account: &str, number: u64, id: JobId) -> Vec<u8> {
    Key(urgent(account)).u64(number).u64(id.get()).done()
}

pub(super) fn counts() -> Vec<u8> {
    Key::new(b'c').done()
}

pub(super) fn counts_of(account: &str) -> Vec<u8> {
    Key::new(b'c').text(account).done()
}

pub(super) fn count(account: &str, uid: u32, state: u8) -> Vec<u8> {
    Key::new(b'c').text(account).u32(uid).raw(&[state]).done()
}

/// The account in a key made by [`count`].
pub(super) fn parse_count_account(key: &[u8]) -> Option<String> {
    let (len, rest) = key.get(1..)?.split_first()?;
    String::from_utf8(rest.get(..usize::from(*len))?.to_vec()).ok()
}

pub(super) fn comment(host: &str, comment_id: u64) -> Vec<u8> {
    Key::new(b'g').text(host).u64(comment_id).done()
}

pub(super) fn lane(host: &str, user_id: u64) -> Vec<u8> {
    Key::new(b'p').text(host).u64(user_id).done()
}

pub(super) fn identity(account: &str) -> Vec<u8> {
    Key::new(b'i').text(account).done()
}
