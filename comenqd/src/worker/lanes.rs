//! One at a time in each lane.
//!
//! Decides nothing: two accounts with one login share a lane, and GitHub wants their requests one
//! after the other. Each worker enters the lane for as long as one step takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::store::LaneKey;

type Place = Arc<tokio::sync::Mutex<()>>;

/// The lanes there are; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lanes(Arc<Mutex<HashMap<LaneKey, Place>>>);

impl Lanes {
    /// Waits until nobody else is in the lane; it is left when the guard is dropped. First come,
    /// first served. Cancel-safe, but whoever comes again waits at the end.
    pub(super) async fn enter(&self, lane: &LaneKey) -> OwnedMutexGuard<()> {
        let place = {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(lane.clone()).or_default())
        };
        place.lock_owned().await
    }
}
