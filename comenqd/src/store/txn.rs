//! One operation's view of the tree: what is stored, overlaid with what it wants to change.
//!
//! Decides nothing; makes an operation see its own writes and applies them all or none. Called by
//! the operations, on the commit thread only, which is why reading and applying need no lock.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{self, Meta};
use super::{StoreError, keys};

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// A transaction under construction.
pub(super) struct Txn<'a> {
    tree: &'a sled::Tree,
    /// Written values; `None` removes.
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The store's own numbers; written along with every change.
    pub(super) meta: Meta,
}

impl<'a> Txn<'a> {
    pub(super) fn new(tree: &'a sled::Tree, meta: Meta) -> Self {
        Self {
            tree,
            changes: BTreeMap::new(),
            meta,
        }
    }

    /// Applies everything in one atomic batch and returns what the store knows of itself from
    /// then on; `None` if there was nothing to change. Durable only after the next sync.
    pub(super) fn apply(mut self) -> Result<Option<Meta>, StoreError> {
        if self.changes.is_empty() {
            return Ok(None);
        }
        self.meta.sequence += 1;
        let meta = self.meta.clone();
        self.write(keys::META.to_vec(), &meta)?;
        let mut batch = sled::Batch::default();
        for (key, value) in self.changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch)?;
        Ok(Some(meta))
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => Ok(self.tree.get(key)?.map(|value| value.to_vec())),
        }
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: impl Into<Vec<u8>>) {
        self.changes.insert(key, Some(value.into()));
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// A checksummed value.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.get(key)?
            .map(|bytes| record::decode(key, &bytes))
            .transpose()
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
                .changes
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
        let count = self
            .number(&key)?
            .checked_add_signed(delta)
            .ok_or_else(|| StoreError::Damaged("a kept count would fall below zero".to_owned()))?;
        if count == 0 {
            self.remove(key);
        } else {
            self.put(key, count.to_be_bytes());
        }
        Ok(())
    }
}
