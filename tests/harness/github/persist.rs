//! Keeps the comments in a file, so that they outlive the stand-in's process:
//! the acceptance test reboots the machine it runs on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::comment::Comment;

/// The comments of an earlier run; none where there is no file yet.
///
/// # Errors
/// When the file cannot be read or is not what [`save`] writes.
pub(super) fn load(path: &Path) -> io::Result<Vec<Comment>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Replaces the file as a whole.
///
/// # Errors
/// When the file or its directory cannot be written.
pub(super) fn save(path: &Path, comments: &[Comment]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec_pretty(comments).map_err(io::Error::other)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

/// [`save`] for a caller that has nobody to hand an error to: the complaint
/// goes to stderr and the stand-in goes on, its comments in memory.
pub(super) fn save_or_complain(path: &Path, comments: &[Comment]) {
    if let Err(error) = save(path, comments) {
        let complaint = format!("cannot keep comments in {}: {error}\n", path.display());
        // Nothing is left to try when stderr itself is gone.
        drop(io::stderr().write_all(complaint.as_bytes()));
    }
}
