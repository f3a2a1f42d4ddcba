//! A real sshd on loopback, with keys of its own, and an ssh that knows it.
//!
//! We listen and give sshd each connection as its standard input (`sshd -i`): so no
//! free port must be guessed, and a connection can be cut. Needs root, as sshd does.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test whose tools fail has failed"
)]

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::needs;
use crate::script::script;

/// Debian's place; not every root has it in the path.
const SSHD: &str = "/usr/sbin/sshd";
/// Where sshd locks itself in; systemd makes it elsewhere.
const SEPARATION: &str = "/run/sshd";

/// Whether this machine has what it takes.
#[must_use]
pub fn is_possible() -> bool {
    needs::root() && needs::program(SSHD) && needs::program("ssh")
}

/// An sshd until it is dropped.
#[derive(Debug)]
pub struct Sshd {
    directory: TempDir,
    at: SocketAddr,
    visits: Arc<Mutex<Vec<Visit>>>,
    is_over: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

/// One connection, and the sshd that serves it.
#[derive(Debug)]
struct Visit {
    stream: TcpStream,
    child: Child,
}

impl Sshd {
    /// A name for it that only our ssh's configuration knows.
    pub const ALIAS: &str = "far";

    /// One whose far commands have this environment.
    #[must_use]
    pub fn start(environment: &[(&str, &Path)]) -> Self {
        fs::create_dir_all(SEPARATION).expect("we are root");
        let directory = tempfile::tempdir_in("/tmp").expect("a directory");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let mut sshd = Self {
            at: listener.local_addr().expect("a port"),
            directory,
            visits: Arc::default(),
            is_over: Arc::default(),
            listener: None,
        };
        for name in ["host", "key", "wrong-key"] {
            sshd.make_key(name);
        }
        sshd.write_config(environment);
        sshd.write_client("ssh", "key");
        sshd.write_client("wrong-ssh", "wrong-key");
        let serve = {
            let config = sshd.path("sshd_config");
            let (visits, is_over) = (Arc::clone(&sshd.visits), Arc::clone(&sshd.is_over));
            move || serve(&listener, &config, &visits, &is_over)
        };
        sshd.listener = Some(thread::spawn(serve));
        sshd
    }

    /// As `--host` takes it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("ssh://root@{}", self.at)
    }

    /// A program for `COMENQ_SSH`.
    #[must_use]
    pub fn ssh(&self) -> PathBuf {
        self.path("ssh")
    }

    /// The same with a key that is not let in.
    #[must_use]
    pub fn ssh_without_key(&self) -> PathBuf {
        self.path("wrong-ssh")
    }

    /// How many connections there have been.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.lock().len()
    }

    /// Cuts all connections, as a network does.
    pub fn cut(&self) {
        for visit in self.lock().iter() {
            // One that is over needs no cut.
            drop(visit.stream.shutdown(Shutdown::Both));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Visit>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_key(&self, name: &str) {
        let status = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(self.path(name))
            .stdin(Stdio::null())
            .status();
        assert!(status.is_ok_and(|it| it.success()), "ssh-keygen");
    }

    fn write_config(&self, environment: &[(&str, &Path)]) {
        let home = self.directory.path().display();
        let set = environment
            .iter()
            .fold(String::new(), |mut set, (name, value)| {
                let _infallible = write!(set, " {name}={}", value.display());
                set
            });
        let config = format!(
            "HostKey {home}/host\nAuthorizedKeysFile {home}/key.pub\nStrictModes no\n\
             UsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nUseDNS no\n\
             SetEnv HOME={home}{set}\n"
        );
        fs::write(self.path("sshd_config"), config).expect("a file");
    }

    /// An ssh that asks nobody anything and reads no configuration but ours.
    fn write_client(&self, name: &str, key: &str) {
        let home = self.directory.path().display();
        let (ip, port) = (self.at.ip(), self.at.port());
        let host_key = fs::read_to_string(self.path("host.pub")).expect("a key");
        let known = format!("[{ip}]:{port} {host_key}");
        fs::write(self.path("known"), known).expect("a file");
        let config = format!(
            "Host {}\n  HostName {ip}\n  Port {port}\n  User root\nHost *\n  \
             IdentityFile {home}/{key}\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
             BatchMode yes\n  UserKnownHostsFile {home}/known\n  \
             GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n",
            Self::ALIAS
        );
        let file = self.path(&format!("{name}_config"));
        fs::write(&file, config).expect("a file");
        script(
            &self.path(name),
            &format!("exec ssh -F {} \"$@\"", file.display()),
        );
    }
}

fn serve(listener: &TcpListener, config: &Path, visits: &Mutex<Vec<Visit>>, is_over: &AtomicBool) {
    for stream in listener.incoming() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let stream = stream.expect("a connection");
        let end = || OwnedFd::from(stream.try_clone().expect("a descriptor"));
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(config.with_file_name("log"));
        let child = Command::new(SSHD)
            .args(["-i", "-e", "-f"])
            .arg(config)
            .stdin(end())
            .stdout(end())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("sshd starts");
        let mut visits = visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.push(Visit { stream, child });
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the listener.
        drop(TcpStream::connect(self.at));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
        for visit in self.lock().iter_mut() {
            drop(visit.child.wait());
        }
        if thread::panicking() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            let log = format!("---- log of sshd ----\n{log}----\n");
            drop(std::io::Write::write_all(
                &mut std::io::stderr(),
                log.as_bytes(),
            ));
        }
    }
}
