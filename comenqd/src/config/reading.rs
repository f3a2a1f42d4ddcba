//! Files that somebody named: opened only where they are files, and read only so far.
//!
//! Decides what is refused by its kind or size: a pipe would be waited for, a device may do
//! something when it is opened. Called by [`super::file`] and [`super::credential`], which know what
//! is in them.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;

use super::ConfigError;

/// Why a file was not opened.
pub(super) enum Unopened {
    /// It cannot be.
    Error(io::Error),
    /// It is none, but this.
    Kind(&'static str),
}

impl Unopened {
    /// In words for people.
    pub(super) fn into_error(
        self,
        path: &Path,
        what: &'static str,
        advice: &'static str,
    ) -> ConfigError {
        let path = path.to_owned();
        match self {
            Self::Error(source) => ConfigError::Unreadable {
                what,
                path,
                source,
                advice,
            },
            Self::Kind(kind) => ConfigError::NotAFile { what, path, kind },
        }
    }

    /// Whether there is nothing of that name.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Error(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Opens what is a file, and never waits for somebody at the other end.
pub(super) fn open(path: &Path) -> Result<File, Unopened> {
    // Before: opening a device may have consequences.
    let metadata = fs::metadata(path).map_err(Unopened::Error)?;
    refuse_other(metadata.file_type())?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
        .map_err(Unopened::Error)?;
    // After: it may be another by now.
    let metadata = file.metadata().map_err(Unopened::Error)?;
    refuse_other(metadata.file_type())?;
    Ok(file)
}

fn refuse_other(kind: FileType) -> Result<(), Unopened> {
    if kind.is_file() {
        return Ok(());
    }
    Err(Unopened::Kind(if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }))
}

/// All of `file`, unless it is absurdly large or not text.
pub(super) fn read_bounded(
    file: &File,
    path: &Path,
    what: &'static str,
    limit_bytes: u64,
) -> Result<String, ConfigError> {
    let mut text = String::new();
    let read = file
        .take(limit_bytes.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|source| ConfigError::Unreadable {
            what,
            path: path.to_owned(),
            source,
            advice: "it must be a text file in UTF-8",
        })?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit_bytes {
        return Err(ConfigError::TooLarge {
            what,
            path: path.to_owned(),
            limit_bytes,
        });
    }
    Ok(text)
}
