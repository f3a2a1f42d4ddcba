//! The one way a test waits: look again and again until it is so, or say what
//! never came.

use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);

/// Polls `look` until it returns something.
///
/// # Panics
/// When nothing came within `timeout`; the message names `what`.
pub fn until<T>(what: &str, timeout: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < timeout,
            "waited {timeout:?} in vain for {what}"
        );
        thread::sleep(PAUSE);
    }
}

/// Polls `look` for the whole of `period` and fails if it is ever true.
///
/// # Panics
/// When `look` is true once; the message names `what`.
pub fn never(what: &str, period: Duration, mut look: impl FnMut() -> bool) {
    let start = Instant::now();
    while start.elapsed() < period {
        assert!(!look(), "saw {what}");
        thread::sleep(PAUSE);
    }
}
