//! An ext4 file system in a file, whose power can go.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const SHUTDOWN: &str = include_str!("shutdown.py");

/// The kernel commits its journal only when it is asked to: by itself it would
/// every five seconds, and a missing sync would often go unseen.
const OPTIONS: &str = "loop,commit=900";

/// A mounted one.
#[derive(Debug)]
pub(crate) struct Disk {
    image: PathBuf,
    mount: PathBuf,
    /// Waits for the moment while there is power.
    cutter: Option<Child>,
    /// Last: what is mounted in it goes first.
    _directory: TempDir,
}

impl Disk {
    /// Makes and mounts one.
    pub(crate) fn new(megabytes: u64) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("cqdisk")
            .tempdir_in("/tmp")
            .unwrap();
        let mut disk = Self {
            image: directory.path().join("image"),
            mount: directory.path().join("disk"),
            cutter: None,
            _directory: directory,
        };
        let image = File::create(&disk.image).unwrap();
        image.set_len(megabytes << 20).unwrap();
        let mut format = Command::new("mkfs.ext4");
        // No blocks for root alone: the daemon under test is root.
        run(format
            .args(["-q", "-b", "4096", "-m", "0"])
            .arg(&disk.image));
        fs::create_dir(&disk.mount).unwrap();
        disk.mount();
        disk
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mount
    }

    /// The power goes: nothing more is written, and all that was not is lost.
    pub(crate) fn cut_power(&mut self) {
        let mut cutter = self.cutter.take().expect("a disk with power");
        drop(cutter.stdin.take());
        let status = cutter.wait().expect("a child of ours");
        assert!(status.success(), "cannot cut the power: {status}");
    }

    /// The power is back.
    pub(crate) fn restore_power(&mut self) {
        run(Command::new("umount").arg(&self.mount));
        self.mount();
    }

    fn mount(&mut self) {
        let mut mount = Command::new("mount");
        run(mount.args(["-o", OPTIONS]).args([&self.image, &self.mount]));
        let mut cutter = Command::new("python3");
        cutter
            .args(["-c", SHUTDOWN])
            .arg(&self.mount)
            .stdin(Stdio::piped());
        self.cutter = Some(cutter.spawn().expect("python3: apt-get install python3"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(mut cutter) = self.cutter.take() {
            drop(cutter.kill());
            drop(cutter.wait());
        }
        // Lazily: a test that failed may still have files open.
        drop(Command::new("umount").arg("-l").arg(&self.mount).status());
    }
}

fn run(command: &mut Command) {
    let output = command.output();
    let done = output.as_ref().is_ok_and(|output| output.status.success());
    assert!(done, "{command:?}: {output:?}");
}
