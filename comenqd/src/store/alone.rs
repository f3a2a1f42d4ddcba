//! An entry by itself: whether it can be read, whatever else the store has.
//!
//! Decides which record stands behind which key. Called by `check` for what leads to nothing else;
//! public, for it takes bytes from a disk that may have been damaged or tampered with, and must
//! refuse them without harm.

use super::record::{
    self, Halt, KeyRecord, KnownIdentity, Lane, LogEntry, Meta, OwnerWait, UsageRecord, Wait,
};
use super::{StoreError, index, keys};

/// Reads one entry, and of a job's record also what would follow from it.
///
/// # Errors
/// [`StoreError::Damaged`] says why it cannot be read.
pub fn read_entry(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    fn read<T: serde::de::DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        record::decode::<T>(key, value).map(|_| ())
    }
    match key.first() {
        Some(b'a' | b'j') => {
            let id = keys::tail_id(key)
                .ok_or_else(|| StoreError::Damaged("its key has no job id".to_owned()))?;
            index::entries(&record::decode_job(key, id, value)?).map(|_| ())
        }
        Some(b'm') => read::<Meta>(key, value),
        Some(b'e') => read::<LogEntry>(key, value),
        Some(b'k') => read::<KeyRecord>(key, value),
        Some(b'q') => read::<UsageRecord>(key, value),
        Some(b'o') => read::<OwnerWait>(key, value),
        Some(b'p') => read::<Lane>(key, value),
        Some(b'i') => read::<KnownIdentity>(key, value),
        Some(b'B') => read::<Wait>(key, value),
        Some(b'H') => read::<Halt>(key, value),
        _ => Err(StoreError::Damaged(
            "no record stands behind such a key".to_owned(),
        )),
    }
}
