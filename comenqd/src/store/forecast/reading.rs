//! What a forecast reads of the store, and how much of it.
//!
//! Decides that no forecast holds up the commit thread: whatever there is, it ends after so many
//! reads. Called by [`super`] and `lines`.

use std::cell::Cell;

use comenq_proto::JobId;

use crate::store::record::Job;
use crate::store::txn::{Entry, Txn};
use crate::store::{StoreError, index};

/// A transaction that is only read, and not for ever.
pub(super) struct Reading<'t, 'e> {
    pub(super) txn: &'t Txn<'e>,
    left: Cell<usize>,
}

impl<'t, 'e> Reading<'t, 'e> {
    pub(super) fn new(txn: &'t Txn<'e>, most: usize) -> Self {
        Self {
            txn,
            left: Cell::new(most),
        }
    }

    /// So many reads more.
    pub(super) fn allow(&self, more: usize) {
        self.left.set(self.left.get().saturating_add(more));
    }

    /// Nothing more is to be read: what is known by then is all.
    pub(super) fn is_over(&self) -> bool {
        self.left.get() == 0
    }

    fn count(&self) {
        self.left.set(self.left.get().saturating_sub(1));
    }

    /// Nothing once it is over, so that every loop ends.
    pub(super) fn next(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Result<Option<Entry>, StoreError> {
        if self.is_over() {
            return Ok(None);
        }
        self.count();
        self.txn.next(prefix, after)
    }

    pub(super) fn exists(&self, prefix: &[u8]) -> Result<bool, StoreError> {
        Ok(self.next(prefix, None)?.is_some())
    }

    /// A job, if it can be read.
    pub(super) fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.count();
        match index::load(self.txn, id) {
            Ok(job) => Ok(Some(job)),
            Err(StoreError::Damaged(_) | StoreError::NoSuchJob(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }
}
