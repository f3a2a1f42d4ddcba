//! The client speaks only to whom it may trust: a program of another user that listens where comenqd
//! should gets not a byte. Needs root, to be that user.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use harness::cli::Cli;
use harness::needs;
use harness::wait;
use tempfile::TempDir;

use crate::world::{ANN, BEN, ISSUE, SOON, world};

/// Writes down what it is sent, and when somebody has gone.
const FAKE: &str = r#"use IO::Socket::UNIX; use IO::Handle; umask 0;
my ($socket, $file) = @ARGV;
open my $out, '>', $file or die; $out->autoflush(1);
my $listener = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $socket, Listen => 5) or die;
while (my $client = $listener->accept) {
    while (sysread $client, my $bytes, 4096) { print $out $bytes }
    print $out "gone\n";
}"#;

/// A socket of ANN's in a place that she can write to.
pub(crate) struct Fake {
    directory: TempDir,
    child: Child,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        let path = |name| directory.path().join(name);
        let child = Command::new("perl")
            .args(["-e", FAKE])
            .args([path("s"), path("heard")])
            .uid(ANN)
            .gid(ANN)
            .spawn()
            .unwrap();
        wait::until("the fake to listen", SOON, || {
            path("s").exists().then_some(())
        });
        Self { directory, child }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// What it was sent, once so many have come and gone.
    pub(crate) fn heard(&self, visitors: usize) -> String {
        wait::until("the visitors to go", SOON, || {
            let heard = fs::read(self.directory.path().join("heard")).ok()?;
            let heard = String::from_utf8_lossy(&heard).into_owned();
            (heard.matches("gone\n").count() >= visitors).then_some(heard)
        })
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_strangers_socket_gets_no_byte() {
    if !needs::root() || !needs::program("perl") {
        return;
    }
    let fake = Fake::start();
    let words = ["post", "--json", ISSUE, "between us"];
    for done in [
        Cli::as_user(&fake.socket(), &words, BEN, BEN).run(),
        Cli::new(&fake.socket(), &words).run(),
    ] {
        assert_eq!(done.code, 4, "{done:?}");
        let error = done.json_error();
        assert_eq!(error["code"], "untrusted_socket");
        let told = error.to_string();
        assert!(
            told.contains(&format!("uid {ANN} listens on socket")),
            "{told}"
        );
        assert!(told.contains("--trust-socket"), "{told}");
    }
    assert_eq!(fake.heard(2), "gone\ngone\n");
}

#[test]
fn whoever_insists_speaks_to_it() {
    if !needs::root() || !needs::program("perl") {
        return;
    }
    let fake = Fake::start();
    let words = ["ping", "--timeout", "300ms"];
    let flag = [&words[..], &["--trust-socket"]].concat();
    let done = Cli::as_user(&fake.socket(), &flag, BEN, BEN).run();
    assert_eq!(done.code, 3, "it does not answer: {done:?}");
    assert!(fake.heard(1).contains("comenq"), "the greeting");
    let by_env = Cli::as_user(&fake.socket(), &words, BEN, BEN);
    let done = by_env.env("COMENQ_TRUST_SOCKET", "1").run();
    assert_eq!(done.code, 3, "{done:?}");
    // The socket's own user needs no word.
    let own = Cli::as_user(&fake.socket(), &words, ANN, ANN).run();
    assert_eq!(own.code, 3, "{own:?}");
}

#[test]
fn roots_socket_is_spoken_to_by_everybody_in_its_group() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = world();
    let done = Cli::as_user(&daemon.socket(), &["ping"], BEN, 0).run();
    assert_eq!(done.code, 0, "{done:?}");
}
