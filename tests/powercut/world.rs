//! A daemon whose queue lies on a disk that can lose its power.

use harness::connection::Connection;
use harness::daemon::Daemon;
use harness::setup::Setup;

use crate::disk::Disk;

/// Far more than the tests fill, but for the one that is to.
const MEGABYTES: u64 = 512;

/// Both; the daemon ends first.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) disk: Disk,
}

impl World {
    /// A daemon that is not started yet.
    pub(crate) fn new(setup: Setup) -> Self {
        Self::sized(setup, MEGABYTES)
    }

    /// The same on a disk of this size.
    pub(crate) fn sized(setup: Setup, megabytes: u64) -> Self {
        let disk = Disk::new(megabytes);
        let mut daemon = Daemon::idle(setup.text("log_level", "info"));
        set_queue(&mut daemon, &disk, "queue");
        Self { daemon, disk }
    }

    /// Names the queue that counts from the next start.
    pub(crate) fn set_queue(&mut self, name: &str) {
        set_queue(&mut self.daemon, &self.disk, name);
    }

    /// The power goes, and the process with it.
    pub(crate) fn cut_power(&mut self) {
        self.disk.cut_power();
        self.daemon.kill9();
    }

    /// The power is back: the daemon starts and opens its store as if nothing
    /// had happened.
    pub(crate) fn restore_power(&mut self) -> Connection {
        self.disk.restore_power();
        self.start()
    }

    /// Starts the daemon, which must not complain.
    pub(crate) fn start(&mut self) -> Connection {
        let before = self.daemon.log().len();
        self.daemon.start_again();
        let status = self.daemon.status();
        assert!(status.store.ok, "{status:?}");
        let log = self.daemon.log();
        let complaint = log[before..]
            .lines()
            .find(|line| line.contains(" ERROR ") || line.contains("witness"));
        assert_eq!(complaint, None);
        self.daemon.connect()
    }
}

fn set_queue(daemon: &mut Daemon, disk: &Disk, name: &str) {
    let queue = disk.path().join(name).display().to_string();
    daemon.setup.set("queue_path", &format!("{queue:?}"));
}
