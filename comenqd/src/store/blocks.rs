//! Many entries in one of sled's.
//!
//! Decides how entries become a block and how many go into one. Called by `tree`, and by `compact`
//! for a fresh copy. Knows neither sled nor what the entries mean.
//!
//! sled keeps about 300 bytes in memory for every page, whatever else it forgets, and splits a page
//! at 17 entries, however small they are: at a million jobs an entry each for record, key and place
//! in line cost 120 MB, and as much time at every start. So neighbours share an entry.
//!
//! A block is: version (u8), CRC-32 over fence and payload (u32), payload; numbers big-endian. The
//! payload is its entries in order of their keys, each: bytes of the key that it shares with the key
//! before it (u8), length of the rest (u16), length of the value (u16), rest, value. The *fence* is
//! the key under which the block lies: all its keys are at or behind it and before the next fence.
//! A block holds entries of one kind only, so that each kind grows at ends of its own.

use std::collections::BTreeMap;

use super::txn::Entry;
use super::{StoreError, record};

/// Bytes of a block of records of jobs, which are nearly a kilobyte each. A page holds up to 17
/// blocks, and the largest part of a segment that sled does not move to files it never syncs is
/// 128 KiB.
const RECORD_BLOCK_BYTES: usize = 4096;

/// Bytes of a block of submit keys, which are many, looked up once each, and added behind their
/// user's last.
const KEY_BLOCK_BYTES: usize = 2048;

/// Bytes of a block of lines and heads: each claim looks into some for each user, and reads all that
/// shares their pages.
const LINE_BLOCK_BYTES: usize = 512;

/// Bytes of any other block: what shares it is written and read along.
const BLOCK_BYTES: usize = 1024;

/// Bytes before an entry's key.
const ENTRY_HEAD: usize = 5;

/// A block, behind its fence.
pub(super) type Block = (Vec<u8>, Vec<u8>);

/// How long a block of a kind may be, unless a single entry is longer.
pub(super) fn limit(kind: u8) -> usize {
    match kind {
        b'a' | b'j' => RECORD_BLOCK_BYTES,
        b'k' => KEY_BLOCK_BYTES,
        b't' | b'h' => LINE_BLOCK_BYTES,
        _ => BLOCK_BYTES,
    }
}

/// What entries take in a block, at most.
fn cost(key: &[u8], value: &[u8]) -> usize {
    ENTRY_HEAD + key.len() + value.len()
}

/// Reads a block's entries one after the other; of the keys only the current one is made.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    key: Vec<u8>,
}

impl<'a> Cursor<'a> {
    /// Begins before the first entry.
    pub(super) fn open(fence: &[u8], block: &'a [u8]) -> Result<Self, StoreError> {
        Ok(Self {
            rest: record::unseal(fence, block)?,
            key: Vec::with_capacity(64),
        })
    }

    /// The key of the entry that [`Self::step`] last returned.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Goes to the next entry and returns its value; `None` behind the last.
    pub(super) fn step(&mut self) -> Result<Option<&'a [u8]>, StoreError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let value = self.read();
        value
            .map(Some)
            .ok_or_else(|| StoreError::Damaged("a block of entries is cut off".to_owned()))
    }

    fn read(&mut self) -> Option<&'a [u8]> {
        let (&[shared, a, b, c, d], rest) = self.rest.split_first_chunk::<ENTRY_HEAD>()?;
        let key_rest = usize::from(u16::from_be_bytes([a, b]));
        let (key, rest) = rest.split_at_checked(key_rest)?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
        if usize::from(shared) > self.key.len() {
            return None;
        }
        self.key.truncate(shared.into());
        self.key.extend_from_slice(key);
        self.rest = rest;
        Some(value)
    }
}

/// A block's entries, in order.
pub(super) fn unpack(fence: &[u8], block: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    let mut cursor = Cursor::open(fence, block)?;
    while let Some(value) = cursor.step()? {
        entries.push((cursor.key().to_vec(), value.to_vec()));
    }
    Ok(entries)
}

/// Puts entries, which come in order, into blocks.
pub(super) struct Packer {
    fence: Vec<u8>,
    last: Vec<u8>,
    payload: Vec<u8>,
    fill: usize,
}

impl Packer {
    /// The first block begins at `fence`; each ends once it has `fill` bytes, or before the entry
    /// that would make it longer than its kind may be.
    pub(super) fn new(fence: Vec<u8>, fill: usize) -> Self {
        Self {
            fence,
            last: Vec::new(),
            payload: Vec::new(),
            fill,
        }
    }

    /// Adds an entry; returns the block before it, if that one is complete.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Block>, StoreError> {
        let kind = key.first().copied().unwrap_or_default();
        let is_full = self.payload.len() >= self.fill.min(limit(kind))
            || self.payload.len() + cost(key, value) > limit(kind);
        let is_other = self.fence.first() != Some(&kind);
        let mut done = None;
        if is_other || (is_full && !self.payload.is_empty()) {
            // The first block of a kind begins where the kind does.
            let fence = if is_other { vec![kind] } else { key.to_vec() };
            let before = std::mem::replace(self, Self::new(fence, self.fill));
            done = before.finish();
        }
        self.append(key, value)?;
        Ok(done)
    }

    fn append(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let same = key.iter().zip(&self.last).take_while(|(a, b)| a == b);
        let shared = u8::try_from(same.count()).unwrap_or(u8::MAX);
        let rest = key.get(shared.into()..).unwrap_or_default();
        let length = |part: &[u8]| {
            u16::try_from(part.len()).map_err(|_| {
                StoreError::Damaged(format!("an entry of {} bytes is too long", part.len()))
            })
        };
        self.payload.push(shared);
        self.payload.extend_from_slice(&length(rest)?.to_be_bytes());
        self.payload
            .extend_from_slice(&length(value)?.to_be_bytes());
        self.payload.extend_from_slice(rest);
        self.payload.extend_from_slice(value);
        key.clone_into(&mut self.last);
        Ok(())
    }

    /// The last block, with its fence; `None` if it is empty.
    pub(super) fn finish(self) -> Option<Block> {
        if self.payload.is_empty() {
            return None;
        }
        let block = record::seal(&self.fence, &self.payload);
        Some((self.fence, block))
    }
}

/// How entries are spread over blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// Full ones, and what is left: more will be added at the end.
    Full,
    /// Equal ones: more may come anywhere.
    Even,
}

/// Entries of one kind as blocks, of which the first lies at `fence`.
pub(super) fn pack(
    fence: &[u8],
    entries: &BTreeMap<Vec<u8>, Vec<u8>>,
    spread: Spread,
) -> Result<Vec<Block>, StoreError> {
    let full = pack_to(fence, entries, usize::MAX)?;
    if spread == Spread::Full || full.len() < 2 {
        return Ok(full);
    }
    let bytes: usize = full.iter().map(|(_, block)| block.len()).sum();
    pack_to(fence, entries, bytes / full.len())
}

fn pack_to(
    fence: &[u8],
    entries: &BTreeMap<Vec<u8>, Vec<u8>>,
    fill: usize,
) -> Result<Vec<Block>, StoreError> {
    let mut packer = Packer::new(fence.to_vec(), fill);
    let mut blocks = Vec::new();
    for (key, value) in entries {
        blocks.extend(packer.push(key, value)?);
    }
    blocks.extend(packer.finish());
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(numbers: impl IntoIterator<Item = u32>) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let entry = |number: u32| (key(number), vec![7; usize::try_from(number % 50).unwrap()]);
        numbers.into_iter().map(entry).collect()
    }

    fn key(number: u32) -> Vec<u8> {
        format!("t-default-{number:08}").into_bytes()
    }

    fn all(blocks: &[Block]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let unpacked = blocks.iter().map(|(fence, block)| unpack(fence, block));
        unpacked.flat_map(Result::unwrap).collect()
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let entries = entries(0..500);
        for spread in [Spread::Full, Spread::Even] {
            let blocks = pack(b"t", &entries, spread).unwrap();
            assert!(blocks.len() > 5, "{}", blocks.len());
            assert_eq!(all(&blocks), entries);
            assert_eq!(blocks[0].0, b"t");
            for (fence, block) in &blocks {
                assert!(block.len() <= LINE_BLOCK_BYTES + 5, "{}", block.len());
                let first = unpack(fence, block).unwrap().remove(0).0;
                assert!(*fence == b"t" || *fence == first);
            }
        }
    }

    #[test]
    fn blocks_that_are_even_leave_room_everywhere() {
        let lengths = |spread| -> Vec<usize> {
            let blocks = pack(b"t", &entries(0..30), spread).unwrap();
            blocks.iter().map(|(_, block)| block.len()).collect()
        };
        let even = lengths(Spread::Even);
        assert_eq!(even.len(), 2, "{even:?}");
        let nearly_full = LINE_BLOCK_BYTES * 9 / 10;
        assert!(even.iter().all(|length| *length < nearly_full), "{even:?}");
        let full = lengths(Spread::Full);
        assert!(full[0] > nearly_full, "{full:?}");
    }

    #[test]
    fn an_entry_that_is_too_long_for_others_is_alone() {
        let mut entries = entries(0..2);
        entries.insert(key(1), vec![1; 4200]);
        entries.insert(key(2), Vec::new());
        let blocks = pack(b"t", &entries, Spread::Full).unwrap();
        assert_eq!(blocks.len(), 3);
        assert_eq!(all(&blocks), entries);
    }

    #[test]
    fn kinds_share_no_block() {
        let mut packer = Packer::new(b"r".to_vec(), usize::MAX);
        assert!(packer.push(b"r1", b"x").unwrap().is_none());
        let (fence, _) = packer.push(b"t1", b"y").unwrap().unwrap();
        assert_eq!(fence, b"r");
        assert_eq!(packer.finish().unwrap().0, b"t");
    }

    #[test]
    fn damage_anywhere_is_told() {
        let (fence, block) = pack(b"t", &entries(0..5), Spread::Full).unwrap().remove(0);
        for place in 0..block.len() {
            let mut damaged = block.clone();
            damaged[place] ^= 1;
            assert!(unpack(&fence, &damaged).is_err(), "byte {place}");
            assert!(unpack(&fence, &block[..place]).is_err(), "cut to {place}");
        }
        assert!(unpack(b"t-", &block).is_err(), "in another place");
    }
}
