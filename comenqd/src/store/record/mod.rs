//! What the store's values look like: versioned, checksummed, and no wire type among them.
//!
//! Decides how a value becomes bytes and when bytes are refused. Called by the store only.
//!
//! A value is: version (u8), CRC-32 over key and payload (u32 big-endian), payload (CBOR map).
//! The key takes part in the checksum, so a value in the wrong place is damage too. An unknown
//! version, field value or checksum is refused, never skipped.

mod halt;
mod job;
mod lane;
mod story;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::transition::State;
use crate::clock::UnixMs;

pub use halt::Halt;
pub use job::{Attempt, Expiry, Hold, Job};
pub(super) use job::{BodyHead, decode_job, encode_job};
pub use lane::{KnownIdentity, Lane, OwnerWait, Wait, WaitKind};
pub use story::{Failure, LogEntry, LogKind, Outcome};

/// Version of every value written now.
const VERSION: u8 = 1;

/// Bytes before a payload: version and checksum.
const HEAD_BYTES: usize = 5;

/// Longest `last_error` and other reasons kept: with them a record stays under 4 KiB.
const REASON_BYTES: usize = 600;

/// What the store knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Version of the layout in `keys`.
    pub(super) format: u32,
    /// Which store this is; the witness names it too.
    pub(super) store: u128,
    /// The host it was last used on, where the host says.
    pub(super) machine: Option<String>,
    /// The last job id given out.
    pub(super) last_job: u64,
    /// Operations committed so far.
    pub(super) sequence: u64,
    /// Turns given so far; orders the users of an account.
    pub(super) turns: u64,
    /// Jobs brought to the front so far; orders them, the last one first.
    #[serde(default)]
    pub(super) bumps: u64,
    /// Jobs that have a record.
    #[serde(default)]
    pub(super) jobs: u64,
    /// Of these, the finished ones.
    #[serde(default)]
    pub(super) finished: u64,
    /// Bytes of all their bodies.
    #[serde(default)]
    pub(super) body_bytes: u64,
    /// Jobs up to this one came from another host or an import: what became of them there since,
    /// nobody knows.
    #[serde(default)]
    pub(super) restored_up_to: u64,
    /// An import that has not ended: no store to use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) incomplete: bool,
}

/// What a submit key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) job: u64,
    /// SHA-256 over account, target and body.
    #[serde(with = "serde_bytes")]
    pub(super) digest: [u8; 32],
    /// What became of the job, once its own record is pruned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pruned: Option<PrunedJob>,
}

/// What a submit key still tells of a job whose record is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PrunedJob {
    pub(super) state: State,
    pub(super) created_at_ms: UnixMs,
    pub(super) finished_at_ms: UnixMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment_id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment_url: Option<String>,
}

/// What one user has in the queue, over all accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UsageRecord {
    /// Unfinished jobs.
    pub(super) jobs: u64,
    /// Bytes of their bodies.
    pub(super) body_bytes: u64,
    /// Jobs accepted in each hour since 1970 that had any: those of a day, the oldest first.
    #[serde(default)]
    pub(super) hours: Vec<(u64, u64)>,
}

/// Encodes any value for its key.
pub(super) fn encode<T: Serialize>(key: &[u8], value: &T) -> Result<Vec<u8>, StoreError> {
    let mut payload = Vec::with_capacity(512);
    ciborium::into_writer(value, &mut payload)
        .map_err(|error| StoreError::Damaged(format!("cannot be encoded: {error}")))?;
    Ok(seal(key, &payload))
}

/// Decodes any value of its key.
pub(super) fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    comenq_proto::from_slice(unseal(key, bytes)?)
        .map_err(|error| StoreError::Damaged(error.to_string()))
}

/// Puts version and checksum before what belongs to a key.
pub(super) fn seal(key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&checksum(key, payload).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// What [`seal`] was given, if it is still that.
pub(super) fn unseal<'a>(key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], StoreError> {
    let damaged = |why: String| StoreError::Damaged(why);
    let Some((&[version, a, b, c, d], payload)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Err(damaged(format!("a record of only {} bytes", bytes.len())));
    };
    if version != VERSION {
        return Err(damaged(format!(
            "a record of version {version}, this comenqd reads {VERSION}"
        )));
    }
    if u32::from_be_bytes([a, b, c, d]) != checksum(key, payload) {
        return Err(damaged("its checksum does not match".to_owned()));
    }
    Ok(payload)
}

fn checksum(key: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

/// Cut to [`REASON_BYTES`] at a character's end.
pub(super) fn clip(reason: &str) -> String {
    clip_to(reason, REASON_BYTES)
}

/// Cut to at most `bytes` at a character's end.
pub(super) fn clip_to(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end));
    let kept = end.and_then(|end| text.get(..end)).unwrap_or_default();
    format!("{kept}…")
}
