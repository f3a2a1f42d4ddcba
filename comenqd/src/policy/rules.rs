//! The rules in force, shared by those who ask them.
//!
//! Decides nothing; a reload puts others in their place. Held by the service and the worker.

use std::sync::{Arc, PoisonError, RwLock};

use super::Policy;

/// A handle on the rules in force; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Rules(Arc<RwLock<Arc<Policy>>>);

impl Rules {
    /// These rules, for now.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(policy))))
    }

    /// The rules in force. Ask once for a whole decision.
    #[must_use]
    pub fn get(&self) -> Arc<Policy> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in their place.
    pub fn set(&self, policy: Policy) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }
}
