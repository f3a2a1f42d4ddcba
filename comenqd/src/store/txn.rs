//! One operation's view of the tree: what is stored, overlaid with what its group changed so far.
//!
//! Decides nothing; makes an operation see its own writes and those of the operations before it,
//! and undoes them if it fails. Called by the operations, on the commit thread only, which is why
//! reading and writing need no lock.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{self, Meta};
use super::space::Room;
use super::{StoreError, keys};

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// A new value, or `None` to remove.
type Change = Option<Vec<u8>>;

/// What a group of operations wants to change.
///
/// The group goes to sled as one batch: sled writes its buffer out at the begin and the end of
/// every batch, so a batch for each operation would cost two writes each.
#[derive(Debug, Default)]
pub(super) struct Overlay(BTreeMap<Vec<u8>, Change>);

impl Overlay {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes everything out, as one atomic batch that also holds what the store knows of itself.
    pub(super) fn take_batch(&mut self, meta: &Meta) -> Result<sled::Batch, StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in std::mem::take(&mut self.0) {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch.insert(keys::META, record::encode(keys::META, meta)?);
        Ok(batch)
    }
}

/// A transaction under construction.
pub(super) struct Txn<'a> {
    tree: &'a sled::Tree,
    overlay: &'a mut Overlay,
    /// What the overlay held before each of this operation's writes, in order.
    undo: Vec<(Vec<u8>, Option<Change>)>,
    /// The store's own numbers; written along with every group.
    pub(super) meta: Meta,
    /// Whether there is room on the disk.
    pub(super) room: Room,
}

impl<'a> Txn<'a> {
    pub(super) fn new(
        tree: &'a sled::Tree,
        overlay: &'a mut Overlay,
        meta: Meta,
        room: Room,
    ) -> Self {
        Self {
            tree,
            overlay,
            undo: Vec::new(),
            meta,
            room,
        }
    }

    /// Keeps what was written; returns what the store knows of itself from then on.
    pub(super) fn keep(mut self) -> Meta {
        if !self.undo.is_empty() {
            self.meta.sequence += 1;
        }
        self.meta
    }

    /// Takes back everything that this operation wrote.
    pub(super) fn undo(self) {
        for (key, before) in self.undo.into_iter().rev() {
            match before {
                Some(before) => self.overlay.0.insert(key, before),
                None => self.overlay.0.remove(&key),
            };
        }
    }

    fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let before = self.overlay.0.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.overlay.0.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => Ok(self.tree.get(key)?.map(|value| value.to_vec())),
        }
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: impl Into<Vec<u8>>) {
        self.set(key, Some(value.into()));
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.set(key, None);
    }

    /// A checksummed value.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.get(key)?
            .map(|bytes| record::decode(key, &bytes))
            .transpose()
    }

    /// A checksummed value, or the default where there is none.
    pub(super) fn read_or_default<T>(&self, key: &[u8]) -> Result<T, StoreError>
    where
        T: DeserializeOwned + Default,
    {
        Ok(self.read(key)?.unwrap_or_default())
    }

    /// Writes a checksummed value.
    pub(super) fn write<T: Serialize>(
        &mut self,
        key: Vec<u8>,
        value: &T,
    ) -> Result<(), StoreError> {
        let bytes = record::encode(&key, value)?;
        self.put(key, bytes);
        Ok(())
    }

    /// The first entry whose key begins with `prefix` and, where given, lies after `after`.
    pub(super) fn next(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Option<Entry>, StoreError> {
        let mut from = match after {
            Some(after) => Bound::Excluded(after.to_vec()),
            None => Bound::Included(prefix.to_vec()),
        };
        loop {
            let stored = self.stored_from(prefix, &from)?;
            let changed = self
                .overlay
                .0
                .range((from, Bound::Unbounded))
                .next()
                .filter(|(key, _)| key.starts_with(prefix));
            let (key, value) = match (stored, changed) {
                (None, None) => return Ok(None),
                (Some((key, value)), None) => return Ok(Some((key, value))),
                (Some((key, value)), Some((other, _))) if key < *other => {
                    return Ok(Some((key, value)));
                }
                (_, Some((key, value))) => (key.clone(), value.clone()),
            };
            match value {
                Some(value) => return Ok(Some((key, value))),
                None => from = Bound::Excluded(key),
            }
        }
    }

    fn stored_from(
        &self,
        prefix: &[u8],
        from: &Bound<Vec<u8>>,
    ) -> Result<Option<Entry>, StoreError> {
        let entry = self
            .tree
            .range::<Vec<u8>, _>((from.clone(), Bound::Unbounded))
            .next();
        let Some((key, value)) = entry.transpose()? else {
            return Ok(None);
        };
        Ok(key
            .starts_with(prefix)
            .then(|| (key.to_vec(), value.to_vec())))
    }

    /// The last entry whose key begins with `prefix` and, where given, lies before `before`.
    pub(super) fn previous(
        &self,
        prefix: &[u8],
        before: Option<&[u8]>,
    ) -> Result<Option<Entry>, StoreError> {
        let from = Bound::Included(prefix.to_vec());
        let mut to = match before {
            Some(before) => Bound::Excluded(before.to_vec()),
            None => keys::after_all(prefix).map_or(Bound::Unbounded, Bound::Excluded),
        };
        loop {
            let range = (from.clone(), to.clone());
            let stored = self.tree.range::<Vec<u8>, _>(range.clone()).next_back();
            let stored = stored.transpose()?;
            let stored = stored.map(|(key, value)| (key.to_vec(), value.to_vec()));
            let changed = self.overlay.0.range(range).next_back();
            let (key, value) = match (stored, changed) {
                (None, None) => return Ok(None),
                (Some(entry), None) => return Ok(Some(entry)),
                (Some(entry), Some((other, _))) if entry.0 > *other => return Ok(Some(entry)),
                (_, Some((key, value))) => (key.clone(), value.clone()),
            };
            match value {
                Some(value) => return Ok(Some((key, value))),
                None => to = Bound::Excluded(key),
            }
        }
    }

    pub(super) fn exists_under(&self, prefix: &[u8]) -> Result<bool, StoreError> {
        Ok(self.next(prefix, None)?.is_some())
    }

    /// A plain number; absent is 0.
    pub(super) fn number(&self, key: &[u8]) -> Result<u64, StoreError> {
        match self.get(key)? {
            None => Ok(0),
            Some(bytes) => <[u8; 8]>::try_from(bytes.as_slice())
                .map(u64::from_be_bytes)
                .map_err(|_| StoreError::Damaged("a number that is not 8 bytes".to_owned())),
        }
    }

    /// Adds to a kept count; a count that reaches 0 is removed.
    pub(super) fn add(&mut self, key: Vec<u8>, delta: i64) -> Result<(), StoreError> {
        // A count that damage made wrong must not keep an outcome from being stored; `check` tells.
        let count = self.number(&key)?.saturating_add_signed(delta);
        if count == 0 {
            self.remove(key);
        } else {
            self.put(key, count.to_be_bytes());
        }
        Ok(())
    }
}
