//! How sled is opened.
//!
//! Decides the cache, what of a crash is swept away before sled sees it, and how long a store that is
//! being closed is waited for. Called by `engine`, and by what works on closed stores.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{StoreError, words};

/// How long sled may take to close a store that was dropped.
const RELEASE_PATIENCE: Duration = Duration::from_secs(5);
const RELEASE_RETRY: Duration = Duration::from_millis(5);

/// sled's page cache; below a megabyte is ignored.
const CACHE_BYTES: u64 = 1 << 20;

/// Opens a generation, and the handle on its file by which commits are made durable.
pub(super) fn open_sled(path: &Path) -> Result<(sled::Db, File), StoreError> {
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("cannot open {}: {error}", path.display()))
    };
    remove_unfinished_snapshots(path).map_err(|error| failed(&error))?;
    // sled's own flusher only logs its failures; every flush here is ours.
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None);
    let opened = catch_unwind(AssertUnwindSafe(|| open_released(&config)));
    let db = opened
        .map_err(|_| failed(&"its files are damaged (sled panicked); restore them from a backup"))?
        .map_err(|error| failed(&words(error)))?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path.join("db"))
        .map_err(|error| failed(&error))?;
    // What a killed process wrote and never synced is readable, and will be answered from.
    file.sync_data().map_err(|error| failed(&error))?;
    Ok((db, file))
}

/// Removes what an earlier opening was writing when it was killed or the disk was full. sled takes
/// it for its newest snapshot and calls the store damaged, for good. All that was to be in it is in
/// the log and the snapshot before, which goes only once the new one has its name. sled writes one
/// only while it opens.
fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
            tracing::debug!("removed {}", entry.path().display());
        }
    }
    Ok(())
}

/// Whoever opens a store has the queue's lock, so that only this process can still have sled's: it
/// closes its files a moment after it was dropped.
fn open_released(config: &sled::Config) -> sled::Result<sled::Db> {
    let deadline = Instant::now() + RELEASE_PATIENCE;
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock")
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(RELEASE_RETRY);
            }
            opened => return opened,
        }
    }
}
