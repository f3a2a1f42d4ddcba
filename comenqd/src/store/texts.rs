//! Which job last had a certain text for a certain target.
//!
//! Decides how many are remembered: it is only for a warning, so the oldest are forgotten rather
//! than pruned. Many share an entry: what sled keeps in memory grows with the number of entries.

use comenq_proto::{JobId, Target};

use super::txn::Txn;
use super::{StoreError, jobs, keys};

/// Entries over which the texts are spread.
const BUCKETS: u16 = 16 * 1024;

/// Texts remembered in one of them: a quarter of a million in all. Each new job writes its whole
/// entry again, which is most of what it writes where this is much.
const REMEMBERED: usize = 16;

/// Texts in one of them once.
const REMEMBERED_ONCE: usize = 64;

/// Bytes of one: digest and job id.
const PAIR: usize = 16;

/// Remembers that `id` has this text; returns those that had it before, the last one first.
pub(super) fn note(
    txn: &mut Txn<'_>,
    account: &str,
    target: &Target,
    text: &str,
    id: JobId,
) -> Result<Vec<JobId>, StoreError> {
    let digest = jobs::hash(&[account, &target.lower(), text.trim_end()]);
    let (bucket, rest) = digest.split_first_chunk().unwrap_or((&[0; 2], &digest));
    let key = keys::texts(u16::from_be_bytes(*bucket) % BUCKETS);
    let wanted = rest.get(..8).unwrap_or_default();
    let mut pairs = txn.get(&key)?.unwrap_or_default();
    let same = |pair: &&[u8]| pair.starts_with(wanted);
    let before = pairs.rchunks_exact(PAIR).filter(same);
    let before = before.filter_map(keys::tail_id).collect();
    remember(&mut pairs, wanted, id);
    txn.put(key, pairs);
    Ok(before)
}

/// Adds a text behind the others; the oldest of too many go.
fn remember(pairs: &mut Vec<u8>, digest: &[u8], id: JobId) {
    pairs.extend_from_slice(digest);
    pairs.extend_from_slice(&id.get().to_be_bytes());
    pairs.drain(..pairs.len().saturating_sub(REMEMBERED * PAIR));
}

/// Whether an entry may be one of these. The jobs that it names may be gone.
pub(super) fn is_readable(key: &[u8], value: &[u8]) -> bool {
    key.len() == keys::texts(0).len()
        && value.len() <= REMEMBERED_ONCE * PAIR
        && value.len().is_multiple_of(PAIR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_texts_are_remembered_also_where_there_were_more_once() {
        let mut pairs = vec![7; REMEMBERED_ONCE * PAIR];
        for id in 1..100 {
            remember(&mut pairs, &[1; 8], JobId::new(id).unwrap());
            assert_eq!(pairs.len(), REMEMBERED * PAIR);
            assert!(is_readable(&keys::texts(5), &pairs));
        }
        let ids = pairs.chunks_exact(PAIR).filter_map(keys::tail_id);
        let last = 100 - u64::try_from(REMEMBERED).unwrap()..100;
        assert!(ids.map(JobId::get).eq(last), "{pairs:?}");
    }
}
