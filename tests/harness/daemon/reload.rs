//! A daemon that reads its configuration again while it runs.

use comenq_proto::Status;
use nix::sys::signal::Signal;

use super::{Daemon, PATIENCE};
use crate::wait;

impl Daemon {
    /// Writes its configuration anew and has it read again; returns when that was tried. Whether
    /// it was taken is in its status.
    pub fn reload(&self) {
        self.setup.write_config();
        self.reload_files();
    }

    /// The same with the files as they are.
    pub fn reload_files(&self) {
        let mut connection = self.connect();
        let mut config = || {
            let reply = connection.call(&Status {}).expect("an answer");
            reply.expect("the status").config
        };
        let before = config();
        self.signal(Signal::SIGHUP);
        wait::until("the configuration to be read again", PATIENCE, || {
            (config() != before).then_some(())
        });
    }
}
