//! What the store looks like on disk, and whether it may be used.
//!
//! Decides where the store is, whose it is, and when it is refused: an operator must act before a
//! store that lost something is written to. Called by the commit thread when it opens or closes.
//!
//! ```text
//! QUEUE_PATH/          0700
//!   lock               held (flock) while a comenqd uses the store; names its pid
//!   CURRENT            the generation in use: "store-1"
//!   store-1/           sled's files
//!   reserve            space given up when the disk is full (see `space`)
//!   witness            how far the store was: store id, last job id, commit sequence
//! ```
//!
//! A generation is replaced by making the next one beside it and then replacing `CURRENT`
//! atomically; a directory cannot be renamed over a full one, and between two renames sled would
//! create an empty store. sled never syncs its files when it creates them, so we do.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::record::{self, Meta};
use super::{StoreError, compact};

/// The layout that this comenqd writes.
pub(super) const FORMAT: u32 = 3;

/// From this one on entries lie in blocks; what is older is copied.
pub(super) const FIRST_WITH_BLOCKS: u32 = 3;

/// Layouts whose exports hold the same as those of this one.
pub(super) const SAME_EXPORT: std::ops::RangeInclusive<u32> = 2..=FORMAT;

/// The oldest layout that is brought to this one.
const OLDEST: u32 = 1;

const CURRENT: &str = "CURRENT";
const GENERATION: &str = "store-";
const FIRST: &str = "store-1";
const WITNESS: &str = "witness";
const LOCK: &str = "lock";

/// How often a held lock is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(100);

fn unavailable(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{what} {}: {error}", path.display()))
}

/// Creates the queue's directory (0700) if it is missing.
pub(super) fn create_root(root: &Path) -> Result<(), StoreError> {
    let missing: Vec<&Path> = root
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.is_dir())
        .collect();
    let create = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        missing.iter().try_for_each(|path| sync_dir(parent(path)))
    };
    // Of `a/b/queue` it may be `a` that is a file.
    let file = missing.iter().find(|path| path.exists());
    create().map_err(|error| match file {
        Some(file) => StoreError::Unavailable(format!(
            "{} is a file, and the queue is a directory: move it away, or name another queue_path",
            file.display()
        )),
        None => unavailable("cannot create", root, &error),
    })
}

/// The directory that holds `path`; of a relative path's first part the current one.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Holds the queue's lock until dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// The lock for another process, which holds it as well until it ends.
    pub(super) fn share(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

/// Why the lock could not be taken.
enum Locking {
    /// Somebody holds it: the error names who.
    Held(StoreError),
    /// The file cannot be used.
    Failed(&'static str, PathBuf, io::Error),
}

/// Takes the lock, for at most `patience`; an error names the holder.
pub(super) fn lock(root: &Path, patience: Duration) -> Result<Lock, StoreError> {
    take_lock(root, patience).map_err(|why| match why {
        Locking::Held(error) => error,
        Locking::Failed(what, path, error) => unavailable(what, &path, &error),
    })
}

/// Takes the lock of a queue that nobody may use meanwhile.
pub(super) fn lock_offline(root: &Path) -> Result<Lock, StoreError> {
    if !root.is_dir() {
        return Err(no_queue(root));
    }
    take_lock(root, Duration::ZERO).map_err(|why| match why {
        Locking::Held(error) => StoreError::Unavailable(format!(
            "{error}. Of an installed comenqd stop both units first: systemctl stop \
             comenqd.service comenq.socket (systemctl --user if it is your own)"
        )),
        Locking::Failed(what, path, error) => not_allowed(what, &path, &error),
    })
}

/// Refuses a directory in which no queue ever was, and leaves it as it is.
pub(super) fn refuse_without_queue(root: &Path) -> Result<(), StoreError> {
    match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_queue(root)),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(no_queue(root)),
        Err(error) => return Err(not_allowed("cannot list", root, &error)),
        Ok(_) => {}
    }
    let is_there = |name: &str| root.join(name).exists();
    if is_there(CURRENT) || is_there(WITNESS) || !generations(root)?.is_empty() {
        return Ok(());
    }
    Err(no_queue(root))
}

/// There is none, and what to do.
pub(super) fn no_queue(root: &Path) -> StoreError {
    StoreError::Unavailable(format!(
        "there is no queue in {}; name its directory with --queue-path",
        root.display()
    ))
}

/// As [`unavailable`], for somebody who may be the wrong user.
fn not_allowed(what: &str, path: &Path, error: &io::Error) -> StoreError {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; run this as root, or as the user the queue belongs to"
        }
        _ => "",
    };
    StoreError::Unavailable(format!("{what} {}: {error}{advice}", path.display()))
}

fn take_lock(root: &Path, patience: Duration) -> Result<Lock, Locking> {
    let path = root.join(LOCK);
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) => return Err(Locking::Failed("cannot open", path, error)),
    };
    let deadline = Instant::now() + patience;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => {
                return Err(Locking::Failed("cannot lock", path, error));
            }
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                let held = held(root, &holder(&mut file));
                return Err(Locking::Held(StoreError::Unavailable(held)));
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    told = true;
                    tracing::warn!("{}; waiting for it", held(root, &holder(&mut file)));
                }
                std::thread::sleep(LOCK_RETRY);
            }
        }
    }
    // The pid is for people; the lock holds without it (a full disk cannot take it).
    if let Err(error) = write_pid(&mut file) {
        tracing::debug!("cannot write {}: {error}", path.display());
    }
    Ok(Lock(file))
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn held(root: &Path, holder: &str) -> String {
    format!(
        "the queue {} is in use by {holder}; stop that comenqd or give this one another \
         queue_path",
        root.display()
    )
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(20).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(_), pid) if !pid.is_empty() => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}

/// Finds the generation in use; names the first one where there never was any. Never answers with
/// an empty one where a store exists or was lost.
pub(super) fn find(root: &Path) -> Result<PathBuf, StoreError> {
    let current = root.join(CURRENT);
    let name = match fs::read_to_string(&current) {
        Ok(text) => text.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return find_first(root),
        Err(error) => return Err(unavailable("cannot read", &current, &error)),
    };
    if !name.starts_with(GENERATION) || name.contains('/') {
        return refuse(
            root,
            &format!("CURRENT holds {name:?}, which is not the name of a store"),
        );
    }
    let path = root.join(&name);
    for file in ["db", "conf"] {
        if !path.join(file).is_file() {
            return refuse(root, &format!("{} is missing", path.join(file).display()));
        }
    }
    Ok(path)
}

/// Without `CURRENT`: a first start, perhaps one that was interrupted before it wrote it.
fn find_first(root: &Path) -> Result<PathBuf, StoreError> {
    let mut generations = generations(root)?;
    match (generations.pop(), generations.is_empty()) {
        (None, _) if root.join(WITNESS).exists() => {
            refuse(root, "its store is gone, but its witness is still there")
        }
        (None, _) => Ok(root.join(FIRST)),
        (Some(only), true) => Ok(only),
        (Some(_), false) => refuse(root, "CURRENT is missing and there are several stores"),
    }
}

/// Removes a generation that holds no store.
pub(super) fn remove_generation(generation: &Path) -> Result<(), StoreError> {
    fs::remove_dir_all(generation)
        .and_then(|()| sync_dir(parent(generation)))
        .map_err(|error| unavailable("cannot remove", generation, &error))
}

/// The generation after one, of which nothing is there.
pub(super) fn next_generation(generation: &Path) -> Result<PathBuf, StoreError> {
    let name = generation.file_name().unwrap_or_default();
    let number = number_of(&name.to_string_lossy())
        .and_then(|number| number.checked_add(1))
        .ok_or_else(|| {
            StoreError::Unavailable(format!("{} has no number", generation.display()))
        })?;
    let next = generation.with_file_name(format!("{GENERATION}{number}"));
    match fs::remove_dir_all(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(unavailable("cannot remove", &next, &error))
        }
        _ => Ok(next),
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(GENERATION)?.parse().ok()
}

/// Removes every generation but the one in use: what an interrupted compaction or import left.
/// Does nothing while `CURRENT` does not name it. Tells whether there were any.
pub(super) fn remove_leftovers(root: &Path, in_use: &Path) -> bool {
    if !root.join(CURRENT).exists() {
        return false;
    }
    // A power cut must not bring back a CURRENT that names one of them.
    if let Err(error) = sync_dir(root) {
        tracing::warn!("cannot sync {}: {error}", root.display());
        return false;
    }
    let mut were_any = false;
    let found = generations(root).unwrap_or_default();
    let is_leftover = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.as_path() != in_use && number_of(&name).is_some()
    };
    for leftover in found.iter().filter(is_leftover) {
        were_any = true;
        match fs::remove_dir_all(leftover) {
            Ok(()) => tracing::debug!("removed {}", leftover.display()),
            Err(error) => tracing::warn!("cannot remove {}: {error}", leftover.display()),
        }
    }
    were_any
}

fn refuse<T>(root: &Path, why: &str) -> Result<T, StoreError> {
    Err(StoreError::Unavailable(format!(
        "the queue {root} cannot be used: {why}. Restore {root} from a backup, or move it away to \
         begin with an empty queue",
        root = root.display()
    )))
}

fn generations(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |error| unavailable("cannot list", root, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(GENERATION) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Makes a freshly created generation durable, then the one in use. Does nothing for one that is
/// in use already.
pub(super) fn settle(root: &Path, generation: &Path) -> Result<(), StoreError> {
    if root.join(CURRENT).exists() {
        return Ok(());
    }
    switch(root, generation)
}

/// Makes a generation durable, then the one in use.
pub(super) fn switch(root: &Path, generation: &Path) -> Result<(), StoreError> {
    let settle = || -> io::Result<()> {
        for entry in fs::read_dir(generation)? {
            File::open(entry?.path())?.sync_all()?;
        }
        sync_dir(generation)?;
        // Also where an interrupted start made it and never came to this.
        sync_dir(parent(root))?;
        let name = generation
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        replace(&root.join(CURRENT), format!("{name}\n").as_bytes())
    };
    settle().map_err(|error| unavailable("cannot make durable", generation, &error))
}

/// How far the store was at a moment that is already durable in the store itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Witness {
    store: u128,
    last_job: u64,
    sequence: u64,
    /// How much lives in the store, roughly: known without opening it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live_bytes: Option<u64>,
}

/// How much lived in the store when the witness was written, roughly, where it says so.
pub(super) fn witnessed_live(root: &Path) -> Option<u64> {
    let bytes = fs::read(root.join(WITNESS)).ok()?;
    let witness: Witness = record::decode(WITNESS.as_bytes(), &bytes).ok()?;
    witness.live_bytes
}

/// Writes down how far the store is. Call after the sync that covers `meta`.
pub(super) fn write_witness(root: &Path, meta: &Meta) -> Result<(), StoreError> {
    let path = root.join(WITNESS);
    let witness = Witness {
        store: meta.store,
        last_job: meta.last_job,
        sequence: meta.sequence,
        live_bytes: Some(compact::live_bytes(meta.jobs, meta.body_bytes)),
    };
    let bytes = record::encode(WITNESS.as_bytes(), &witness)?;
    replace(&path, &bytes)
        .map_err(|error| StoreError::Commit(format!("{}: {error}", path.display())))
}

/// Removes the witness.
pub(super) fn remove_witness(root: &Path) -> Result<(), StoreError> {
    let path = root.join(WITNESS);
    match fs::remove_file(&path).and_then(|()| sync_dir(root)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(unavailable("cannot remove", &path, &error))
        }
        _ => Ok(()),
    }
}

/// Refuses a store that this comenqd cannot read, or that is older than its witness.
pub(super) fn check(root: &Path, meta: &Meta) -> Result<(), StoreError> {
    if !(OLDEST..=FORMAT).contains(&meta.format) {
        return Err(StoreError::Unavailable(format!(
            "the queue {} has format {}, this comenqd reads {OLDEST} to {FORMAT}: install the \
             comenqd that wrote it",
            root.display(),
            meta.format
        )));
    }
    let path = root.join(WITNESS);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A first start that was interrupted never wrote one, and acknowledged nothing.
            if meta.last_job > 0 {
                tracing::warn!("{} is missing: writing it anew", path.display());
            }
            return Ok(());
        }
        Err(error) => return Err(unavailable("cannot read", &path, &error)),
    };
    let witness: Witness = record::decode(WITNESS.as_bytes(), &bytes)
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))?;
    if witness.store != meta.store {
        return refuse(root, "its witness belongs to another store");
    }
    if witness.last_job > meta.last_job || witness.sequence > meta.sequence {
        let why = format!(
            "it is older than its witness (last job #{} of #{}, commit {} of {}), so acknowledged \
             jobs are missing and posted ones may come back; to accept that, delete {}",
            meta.last_job,
            witness.last_job,
            meta.sequence,
            witness.sequence,
            path.display()
        );
        return refuse(root, &why);
    }
    Ok(())
}

/// Replaces a small file so that a crash leaves the old or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    sync_dir(parent(path))
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_user_is_told_which_is_right() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = not_allowed("cannot open", Path::new("/q/lock"), &denied).to_string();
        assert!(text.contains("/q/lock"), "{text}");
        assert!(
            text.ends_with("run this as root, or as the user the queue belongs to"),
            "{text}"
        );
        assert!(!text.contains("systemctl"), "{text}");
    }
}
