//! Room on the disk: a reserve beside the store, and when no more jobs are taken.
//!
//! Decides when the disk counts as full. Called by the commit thread; `jobs::insert` asks
//! [`Room::admit`]. A full disk must never keep the daemon from starting, or from writing down
//! what became of a comment: so a reserve is kept that is given up when the store cannot be opened
//! without it, and jobs are refused long before a claim or a conclusion could fail.
//!
//! While the reserve is there, jobs are taken as long as as much again is free. Once it was given
//! up, none are taken until three times its size are free and it is made anew.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::posix_fallocate;
use nix::sys::statvfs::statvfs;

use super::StoreError;

/// Enough for the store to open and to go on for a long time.
const RESERVE_BYTES: u64 = 16 << 20;

/// A small disk has a small reserve: this part of it.
const RESERVE_PART: u64 = 8;

/// With so many reserves free, looking once in [`PERIOD`] is enough.
const ROOMY: u64 = 64;

const PERIOD: Duration = Duration::from_secs(1);

const RESERVE: &str = "reserve";

/// Written and removed to find out whether anything can be written.
const PROBE: &str = "probe";
const PROBE_BYTES: u64 = 1 << 20;

/// What the disk has room for, as last seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes free for the daemon, where the file system tells.
    pub free_bytes: Option<u64>,
    /// Length of the store's file.
    pub file_bytes: u64,
    /// No jobs are taken; what was taken is posted.
    pub low: bool,
    /// How much must be free for jobs to be taken.
    needed_bytes: u64,
}

impl Room {
    /// May a job be stored?
    pub(super) fn admit(&self) -> Result<(), StoreError> {
        if !self.low {
            return Ok(());
        }
        Err(StoreError::Full {
            free: size(self.free_bytes.unwrap_or_default()),
            needed: size(self.needed_bytes),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reserve {
    Kept,
    Missing,
    /// This file system cannot have one.
    Impossible,
}

/// Watches the disk of one queue.
#[derive(Debug)]
pub(super) struct Space {
    root: PathBuf,
    reserve_bytes: u64,
    reserve: Reserve,
    looked: Option<Instant>,
    room: Room,
}

impl Space {
    /// Before the store is opened: where little is free, the reserve is given up.
    pub(super) fn open(root: &Path) -> Self {
        let disk = measure(root);
        let total = disk.map_or(u64::MAX, |disk| disk.total_bytes);
        let reserve_bytes = RESERVE_BYTES.min(total / RESERVE_PART);
        // One from a backup may be a hole.
        let is_kept = fs::metadata(root.join(RESERVE)).is_ok_and(|file| {
            file.len() >= reserve_bytes && file.blocks().saturating_mul(512) >= reserve_bytes
        });
        let mut space = Self {
            root: root.to_owned(),
            reserve_bytes,
            reserve: if is_kept {
                Reserve::Kept
            } else {
                Reserve::Missing
            },
            looked: None,
            room: Room::default(),
        };
        if disk.is_some_and(|disk| disk.free_bytes < reserve_bytes) {
            space.give_up_reserve();
        }
        space
    }

    /// Whether nothing can be written, for want of blocks, of inodes or of quota.
    pub(super) fn is_full(&self) -> bool {
        let path = self.root.join(PROBE);
        let written = write_new(&path, PROBE_BYTES);
        drop(fs::remove_file(&path));
        written.is_err_and(|error| is_want_of_room(&error))
    }

    /// Removes the reserve; tells whether there was one.
    pub(super) fn give_up_reserve(&mut self) -> bool {
        let path = self.root.join(RESERVE);
        match fs::remove_file(&path) {
            Ok(()) => {
                tracing::warn!(
                    "the disk of {} is nearly full: {} of reserve were given up",
                    self.root.display(),
                    size(self.reserve_bytes)
                );
                self.reserve = Reserve::Missing;
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                tracing::warn!("cannot remove {}: {error}", path.display());
                false
            }
        }
    }

    /// What was last seen.
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// Looks again if it is time to; `file` is the store's.
    pub(super) fn look(&mut self, file: &File) {
        let now = Instant::now();
        let is_roomy = self
            .room
            .free_bytes
            .is_some_and(|free| free / ROOMY >= self.reserve_bytes);
        let is_fresh = self
            .looked
            .is_some_and(|looked| now.duration_since(looked) < PERIOD);
        if is_roomy && is_fresh {
            return;
        }
        self.looked = Some(now);
        let before = self.room.low;
        self.room = self.see(file);
        if self.room.low != before {
            self.tell();
        }
    }

    fn see(&mut self, file: &File) -> Room {
        let file_bytes = file.metadata().map_or(0, |file| file.len());
        let Some(mut disk) = measure(&self.root) else {
            return Room {
                file_bytes,
                ..Room::default()
            };
        };
        let enough = self.reserve_bytes.saturating_mul(3);
        if self.reserve == Reserve::Missing && disk.free_bytes >= enough {
            self.reserve = self.make_reserve();
            disk = measure(&self.root).unwrap_or(disk);
        }
        let needed_bytes = match self.reserve {
            Reserve::Missing => enough,
            Reserve::Kept | Reserve::Impossible => self.reserve_bytes,
        };
        Room {
            free_bytes: Some(disk.free_bytes),
            file_bytes,
            low: disk.free_bytes < needed_bytes,
            needed_bytes,
        }
    }

    /// Makes it of blocks that are really there. Not synced: one that a power cut takes is made
    /// again.
    fn make_reserve(&self) -> Reserve {
        let path = self.root.join(RESERVE);
        let Err(error) = write_new(&path, self.reserve_bytes) else {
            return Reserve::Kept;
        };
        tracing::warn!("cannot make {}: {error}", path.display());
        // Half a reserve is none.
        drop(fs::remove_file(&path));
        if is_want_of_room(&error) {
            Reserve::Missing
        } else {
            Reserve::Impossible
        }
    }

    fn tell(&self) {
        let root = self.root.display();
        let free = size(self.room.free_bytes.unwrap_or_default());
        if self.room.low {
            tracing::warn!(
                "the disk of {root} is nearly full, {free} are free: comments are posted, but \
                 none are taken until {} are free",
                size(self.room.needed_bytes)
            );
        } else {
            tracing::info!("the disk of {root} has room again, {free}: comments are taken");
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Disk {
    pub(super) free_bytes: u64,
    total_bytes: u64,
}

/// How full the file system is that holds `path`, where it tells.
pub(super) fn measure(path: &Path) -> Option<Disk> {
    let told = statvfs(path)
        .inspect_err(|error| tracing::debug!("statvfs of {}: {error}", path.display()))
        .ok()?;
    let block = told.fragment_size();
    Some(Disk {
        free_bytes: told.blocks_available().saturating_mul(block),
        total_bytes: told.blocks().saturating_mul(block),
    })
}

/// A file of blocks that are really there.
fn write_new(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    let length = i64::try_from(bytes).map_err(|_| Errno::EFBIG)?;
    Ok(posix_fallocate(file, 0, length)?)
}

fn is_want_of_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    if bytes >= 10 << 20 {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{} KiB", bytes >> 10)
    }
}
