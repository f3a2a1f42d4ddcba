//! The ordered entries of a store, and how sled holds them.
//!
//! Decides in which block an entry lies, and which blocks a group of changes makes. Called by `txn`
//! for each operation, and by what goes through a whole store. Knows nothing of what entries mean,
//! but that their first byte is their kind and that [`keys::META`] stands by itself: it tells the
//! layout.

use std::collections::BTreeMap;
use std::ops::Bound;

use sled::IVec;

use super::blocks::{self, Block, Cursor, Spread};
use super::record::{self, Meta};
use super::txn::{Change, Entry};
use super::{StoreError, format, keys};

/// A block of less than a full one by this joins one beside it, if both together take at most three
/// quarters of a full one: what is left of a long queue shall be no chain of crumbs.
const CRUMB: usize = 4;

/// Where entries lie in sled's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each by itself: formats 1 and 2. Only read.
    Flat,
    /// In blocks.
    Blocks,
}

/// The entries of a store, in order.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    sled: sled::Tree,
    layout: Layout,
}

impl Tree {
    /// The entries of a store of that format.
    pub(super) fn of_format(sled: &sled::Tree, format: u32) -> Self {
        let layout = if format < format::FIRST_WITH_BLOCKS {
            Layout::Flat
        } else {
            Layout::Blocks
        };
        Self {
            sled: sled.clone(),
            layout,
        }
    }

    fn is_alone(&self, key: &[u8]) -> bool {
        self.layout == Layout::Flat || key == keys::META
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.is_alone(key) {
            return Ok(self.sled.get(key)?.map(|value| value.to_vec()));
        }
        let Some((fence, block)) = self.block_of(key)? else {
            return Ok(None);
        };
        let mut cursor = Cursor::open(&fence, &block)?;
        while let Some(value) = cursor.step()? {
            if cursor.key() >= key {
                return Ok((cursor.key() == key).then(|| value.to_vec()));
            }
        }
        Ok(None)
    }

    /// Whether a write to this key can be done: what cannot be read cannot be changed.
    pub(super) fn probe(&self, key: &[u8]) -> Result<(), StoreError> {
        if self.is_alone(key) {
            return Ok(());
        }
        match self.block_of(key)? {
            Some((fence, block)) => Cursor::open(&fence, &block).map(drop),
            None => Ok(()),
        }
    }

    /// The first entry that begins with `prefix` and lies at or behind `from`, which begins with it
    /// too.
    pub(super) fn next(
        &self,
        prefix: &[u8],
        from: &Bound<Vec<u8>>,
    ) -> Result<Option<Entry>, StoreError> {
        let ours = |(key, value): (&[u8], &[u8])| {
            key.starts_with(prefix)
                .then(|| (key.to_vec(), value.to_vec()))
        };
        if self.layout == Layout::Flat {
            let found = self.sled.range((from.clone(), Bound::Unbounded)).next();
            let found = found.transpose()?;
            return Ok(found.and_then(|(key, value)| ours((&key, &value))));
        }
        let (Bound::Included(start) | Bound::Excluded(start)) = from else {
            return Ok(None);
        };
        let is_before = |key: &[u8]| match from {
            Bound::Excluded(start) => key <= start.as_slice(),
            _ => key < start.as_slice(),
        };
        let mut block = match self.block_of(start)? {
            None => self.block_after(start)?,
            found => found,
        };
        while let Some((fence, bytes)) = block {
            let mut cursor = Cursor::open(&fence, &bytes)?;
            while let Some(value) = cursor.step()? {
                if !is_before(cursor.key()) {
                    return Ok(ours((cursor.key(), value)));
                }
            }
            // What begins behind all of them is nobody's business here, and may be damaged.
            block = self
                .block_after(&fence)?
                .filter(|(next, _)| !is_behind(next, prefix));
        }
        Ok(None)
    }

    /// The last entry that begins with `prefix` and lies before `to`.
    pub(super) fn previous(
        &self,
        prefix: &[u8],
        to: &Bound<Vec<u8>>,
    ) -> Result<Option<Entry>, StoreError> {
        if self.layout == Layout::Flat {
            let range = (Bound::Included(prefix.to_vec()), to.clone());
            let found = self.sled.range(range).next_back().transpose()?;
            return Ok(found.map(|(key, value)| (key.to_vec(), value.to_vec())));
        }
        let kind = prefix.get(..1).unwrap_or_default().to_vec();
        let is_before = |key: &[u8]| match to {
            Bound::Excluded(end) => key < end.as_slice(),
            Bound::Included(end) => key <= end.as_slice(),
            Bound::Unbounded => true,
        };
        let mut end = to.clone();
        loop {
            let range = (Bound::Included(kind.clone()), end);
            let Some((fence, bytes)) = self.sled.range(range).next_back().transpose()? else {
                return Ok(None);
            };
            let mut cursor = Cursor::open(&fence, &bytes)?;
            let mut last = None;
            while let Some(value) = cursor.step()?
                && is_before(cursor.key())
            {
                last = Some((cursor.key().to_vec(), value));
            }
            if let Some((key, value)) = last {
                return Ok(key.starts_with(prefix).then(|| (key, value.to_vec())));
            }
            end = Bound::Excluded(fence.to_vec());
        }
    }

    /// Every entry that begins with `prefix`, in order.
    pub(super) fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + 'a {
        let start = match self.layout {
            Layout::Flat => Ok(prefix.to_vec()),
            Layout::Blocks => self.block_of(prefix).map(|found| match found {
                Some((fence, _)) => fence.to_vec(),
                None => prefix.get(..1).unwrap_or_default().to_vec(),
            }),
        };
        let (start, failed) = match start {
            Ok(start) => (start, None),
            Err(error) => (prefix.to_vec(), Some(Err(error))),
        };
        let kind = prefix.first();
        let entries = self
            .stored(Bound::Included(start))
            .take_while(move |stored| match stored {
                Ok((fence, _)) => fence.first() == kind && !is_behind(fence, prefix),
                Err(_) => true,
            })
            .flat_map(|stored| {
                let opened = stored.map_err(StoreError::from);
                match opened.and_then(|(fence, block)| self.open(&fence, &block)) {
                    Ok(entries) => entries.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                }
            })
            .skip_while(move |entry| matches!(entry, Ok((key, _)) if key.as_slice() < prefix))
            .take_while(move |entry| !matches!(entry, Ok((key, _)) if !key.starts_with(prefix)));
        failed.into_iter().chain(entries)
    }

    /// The block in which a key lies, or would.
    fn block_of(&self, key: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
        let kind = key.get(..1).unwrap_or_default();
        Ok(self.sled.range(kind..=key).next_back().transpose()?)
    }

    /// The next block of the same kind.
    fn block_after(&self, fence: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
        let range = (Bound::Excluded(fence), Bound::Unbounded);
        let found = self.sled.range::<&[u8], _>(range).next().transpose()?;
        Ok(found.filter(|(next, _)| next.first() == fence.first()))
    }

    /// Everything that sled holds from a key on, in order: each is what [`Self::open`] opens.
    pub(super) fn stored(
        &self,
        from: Bound<Vec<u8>>,
    ) -> impl Iterator<Item = sled::Result<(IVec, IVec)>> {
        self.sled.range((from, Bound::Unbounded))
    }

    /// The entries in what sled holds under one key.
    pub(super) fn open(&self, key: &[u8], value: &[u8]) -> Result<Vec<Entry>, StoreError> {
        if self.is_alone(key) {
            return Ok(vec![(key.to_vec(), value.to_vec())]);
        }
        blocks::unpack(key, value)
    }

    /// What sled must change so that a group's changes are stored, all or none, together with what
    /// the store knows of itself.
    pub(super) fn batch(
        &self,
        mut changes: BTreeMap<Vec<u8>, Change>,
        meta: &Meta,
    ) -> Result<sled::Batch, StoreError> {
        let mut batch = sled::Batch::default();
        changes.remove(keys::META);
        batch.insert(keys::META, record::encode(keys::META, meta)?);
        let mut changes = changes.into_iter().peekable();
        let mut written = None;
        while let Some((key, _)) = changes.peek() {
            let mut region = self.region_of(key)?;
            loop {
                while let Some((key, change)) = changes.next_if(|(key, _)| region.covers(key)) {
                    region.set(key, change);
                }
                if !self.join_next(&mut region)? {
                    break;
                }
            }
            self.join_previous(&mut region, written.as_deref())?;
            written = region.fences.last().cloned();
            region.write(&mut batch)?;
        }
        Ok(batch)
    }

    fn region_of(&self, key: &[u8]) -> Result<Region, StoreError> {
        let kind = key.get(..1).unwrap_or_default();
        let (fence, entries) = match self.block_of(key)? {
            Some((fence, block)) => {
                let entries = blocks::unpack(&fence, &block)?;
                (fence.to_vec(), entries.into_iter().collect())
            }
            // Before all others of its kind, or the first of it.
            None => (kind.to_vec(), BTreeMap::new()),
        };
        let next = self.block_after(&fence)?;
        Ok(Region {
            grew_at_end: false,
            end: next.map(|(fence, _)| fence.to_vec()),
            fences: vec![fence],
            entries,
        })
    }

    /// Takes the next block into a region that is only a crumb; tells whether it did.
    fn join_next(&self, region: &mut Region) -> Result<bool, StoreError> {
        let Some(end) = region.end.clone().filter(|_| region.is_crumb()) else {
            return Ok(false);
        };
        let Some(block) = self.sled.get(&end)? else {
            return Ok(false);
        };
        let Some(entries) = region.can_join(&end, &block) else {
            return Ok(false);
        };
        region.entries.extend(entries);
        region.end = self.block_after(&end)?.map(|(fence, _)| fence.to_vec());
        region.fences.push(end);
        Ok(true)
    }

    /// The same with the block before it, unless that was `written` just now.
    fn join_previous(&self, region: &mut Region, written: Option<&[u8]>) -> Result<(), StoreError> {
        if !region.is_crumb() {
            return Ok(());
        }
        let first = region.fences.first().cloned().unwrap_or_default();
        let kind = first.get(..1).unwrap_or_default();
        let before = self.sled.range(kind..first.as_slice()).next_back();
        if let Some((fence, block)) = before.transpose()?
            && written.is_none_or(|written| fence.as_ref() > written)
            && let Some(entries) = region.can_join(&fence, &block)
        {
            region.entries.extend(entries);
            region.fences.insert(0, fence.to_vec());
        }
        Ok(())
    }
}

/// Whether a block holds only keys behind all that begin with `prefix`.
fn is_behind(fence: &[u8], prefix: &[u8]) -> bool {
    fence > prefix && !fence.starts_with(prefix)
}

/// Blocks side by side whose entries are written anew.
struct Region {
    /// Where those blocks lie.
    fences: Vec<Vec<u8>>,
    /// Where the next block lies that does not belong to it.
    end: Option<Vec<u8>>,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The last thing that happened to it was an entry behind all others.
    grew_at_end: bool,
}

impl Region {
    fn kind(&self) -> Option<&u8> {
        self.fences.first().and_then(|fence| fence.first())
    }

    fn limit(&self) -> usize {
        blocks::limit(self.kind().copied().unwrap_or_default())
    }

    fn bytes(&self) -> usize {
        let entries = self.entries.iter();
        entries.map(|(key, value)| key.len() + value.len()).sum()
    }

    fn is_crumb(&self) -> bool {
        self.bytes() < self.limit() / CRUMB
    }

    /// The entries of the block beside it, if both fit into one. A block that cannot be read is left
    /// to whoever needs it.
    fn can_join(&self, fence: &[u8], block: &[u8]) -> Option<Vec<Entry>> {
        if self.bytes() + block.len() > self.limit() / 4 * 3 {
            return None;
        }
        blocks::unpack(fence, block).ok()
    }

    fn covers(&self, key: &[u8]) -> bool {
        key.first() == self.kind() && self.end.as_deref().is_none_or(|end| key < end)
    }

    fn set(&mut self, key: Vec<u8>, change: Change) {
        let Some(value) = change else {
            self.entries.remove(&key);
            return;
        };
        let last = self.entries.last_key_value();
        self.grew_at_end = last.is_none_or(|(last, _)| key > *last);
        self.entries.insert(key, value);
    }

    fn write(self, batch: &mut sled::Batch) -> Result<(), StoreError> {
        let spread = if self.grew_at_end {
            Spread::Full
        } else {
            Spread::Even
        };
        let first = self.fences.first().cloned().unwrap_or_default();
        let blocks: Vec<Block> = blocks::pack(&first, &self.entries, spread)?;
        for fence in self.fences {
            if !blocks.iter().any(|(kept, _)| *kept == fence) {
                batch.remove(fence);
            }
        }
        for (fence, block) in blocks {
            batch.insert(fence, block);
        }
        Ok(())
    }
}
