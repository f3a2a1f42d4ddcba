//! That nobody but root and the daemon can get at a file with a secret in it.
//!
//! Decides who may own such a file and which modes are too open, and words what puts it right.
//! Called by [`super::credential`].

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::ConfigError;
use super::reading::Unopened;

/// What to do about a file that cannot be read.
pub(super) const ADVICE: &str = "check the path, and that the daemon's user may read it";

/// Refuses a file that anybody but root and the daemon's own user can read or change. `what` is the
/// secret that was found in it: what puts it right would break other files.
pub(super) fn refuse_exposed(
    file: &File,
    path: &Path,
    euid: u32,
    what: &'static str,
) -> Result<(), ConfigError> {
    let metadata = file
        .metadata()
        .map_err(|error| Unopened::Error(error).into_error(path, "token file", ADVICE))?;
    match exposure(&metadata, path, euid) {
        None => Ok(()),
        Some((problem, command)) => Err(ConfigError::Exposed {
            path: path.to_owned(),
            what,
            problem,
            command,
        }),
    }
}

fn exposure(metadata: &Metadata, path: &Path, euid: u32) -> Option<(String, String)> {
    let shown = path.display();
    let owner = metadata.uid();
    if owner != 0 && owner != euid {
        let problem = format!("belongs to uid {owner}, neither root nor the daemon (uid {euid})");
        return Some((
            problem,
            format!("chown {euid} {shown} && chmod 600 {shown}"),
        ));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let problem = format!("has mode {mode:04o}: others than its owner can get at it");
        return Some((problem, format!("chmod 600 {shown}")));
    }
    None
}
