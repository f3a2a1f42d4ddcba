//! A disk that fills up soon. Only root can have one.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// A few megabytes of file system.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub(crate) fn mount() -> Self {
        let disk = Self(tempfile::tempdir_in("/tmp").unwrap());
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(disk.0.path())
            .status();
        assert!(status.unwrap().success());
        disk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Somebody else's file takes all that is left.
    pub(crate) fn fill(&self) {
        self.fill_but(0);
    }

    /// The same, but for so many bytes.
    pub(crate) fn fill_but(&self, bytes: u64) {
        let mut file = File::create(self.path("ballast")).unwrap();
        while file.write_all(&[7; 512]).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length - bytes).unwrap();
    }

    pub(crate) fn empty(&self) {
        fs::remove_file(self.path("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Before its directory goes: what is mounted cannot be removed.
        let umount = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(umount.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}
