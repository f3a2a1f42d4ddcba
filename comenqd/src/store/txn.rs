//! One operation's view of the tree: what is stored, overlaid with what its group changed so far.
//!
//! Decides nothing; makes an operation see its own writes and those of the operations before it,
//! and undoes them if it fails. Called by the operations, on the commit thread only, which is why
//! reading and writing need no lock.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::news::News;
use super::record::{self, Meta, Outcome};
use super::space::Room;
use super::tree::Tree;
use super::{StoreError, keys};

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// A new value, or `None` to remove.
pub(super) type Change = Option<Vec<u8>>;

/// A value that is a plain number.
pub(super) fn as_number(value: &[u8]) -> Result<u64, StoreError> {
    <[u8; 8]>::try_from(value)
        .map(u64::from_be_bytes)
        .map_err(|_| StoreError::Damaged("a number that is not 8 bytes".to_owned()))
}

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
    pub(super) fn take_batch(
        &mut self,
        tree: &Tree,
        meta: &Meta,
    ) -> Result<sled::Batch, StoreError> {
        tree.batch(std::mem::take(&mut self.0), meta)
    }
}

/// A transaction under construction.
pub(super) struct Txn<'a> {
    tree: &'a Tree,
    overlay: &'a mut Overlay,
    /// Why a write cannot be done.
    fault: Option<StoreError>,
    /// What the overlay held before each of this operation's writes, in order.
    undo: Vec<(Vec<u8>, Option<Change>)>,
    /// The store's own numbers; written along with every group.
    pub(super) meta: Meta,
    /// Whether there is room on the disk.
    pub(super) room: Room,
    /// What it changed, for whoever watches.
    pub(super) news: Vec<News>,
    /// What attempts it concludes.
    pub(super) attempts: Vec<Outcome>,
}

impl<'a> Txn<'a> {
    pub(super) fn new(tree: &'a Tree, overlay: &'a mut Overlay, meta: Meta, room: Room) -> Self {
        Self {
            tree,
            overlay,
            fault: None,
            undo: Vec::new(),
            meta,
            room,
            news: Vec::new(),
            attempts: Vec::new(),
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

    /// Fails if something is to be written where nothing can be read: the operation must then be
    /// undone, or the group's batch would fail for everybody.
    pub(super) fn check_writes(&mut self) -> Result<(), StoreError> {
        self.fault.take().map_or(Ok(()), Err)
    }

    fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if !self.overlay.0.contains_key(&key)
            && let Err(error) = self.tree.probe(&key)
        {
            self.fault.get_or_insert(error);
        }
        let before = self.overlay.0.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.overlay.0.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.tree.get(key),
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

    /// Every entry whose key begins with `prefix`, in order.
    pub(super) fn scan<'s>(
        &'s self,
        prefix: &'s [u8],
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + 's {
        let mut stored = self.tree.scan(prefix).peekable();
        let from = (Bound::Included(prefix.to_vec()), Bound::Unbounded);
        let changed = self.overlay.0.range(from);
        let mut changed = changed
            .take_while(move |(key, _)| key.starts_with(prefix))
            .peekable();
        std::iter::from_fn(move || {
            loop {
                let order = match (stored.peek(), changed.peek()) {
                    (Some(Ok((key, _))), Some((other, _))) => key.cmp(other),
                    (None, Some(_)) => Ordering::Greater,
                    _ => Ordering::Less,
                };
                if order == Ordering::Less {
                    return stored.next();
                }
                if order == Ordering::Equal {
                    drop(stored.next());
                }
                if let Some((key, Some(value))) = changed.next() {
                    return Some(Ok((key.clone(), value.clone())));
                }
            }
        })
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
            let stored = self.tree.next(prefix, &from)?;
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
            let stored = self.tree.previous(prefix, &to)?;
            let range = (from.clone(), to.clone());
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
        self.get(key)?.map_or(Ok(0), |bytes| as_number(&bytes))
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
