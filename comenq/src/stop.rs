//! Whether somebody has pressed Ctrl-C, where that is not the end of the process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A wish to stop, shared by all that wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Option<Arc<AtomicBool>>);

impl Stop {
    /// One that is told by this.
    pub(crate) const fn by(told: Arc<AtomicBool>) -> Self {
        Self(Some(told))
    }

    /// Whether it was told.
    pub(crate) fn is_told(&self) -> bool {
        let told = self.0.as_ref();
        told.is_some_and(|told| told.load(Ordering::Relaxed))
    }
}
