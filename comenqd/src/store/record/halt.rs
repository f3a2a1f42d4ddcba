//! What is kept of a stop that an administrator ordered.
//!
//! Decides what of it is on disk.

use serde::{Deserialize, Serialize};

use crate::clock::UnixMs;

/// A stop that an administrator ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Since when, for people.
    #[serde(rename = "since_ms")]
    pub since: UnixMs,
    /// Who ordered it.
    pub uid: u32,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
