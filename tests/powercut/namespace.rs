//! Where a test mounts and cuts: mount and process namespaces of its own.
//!
//! The test runs itself again inside them, as their first process. When that
//! ends, in whatever way, the kernel kills what it started, takes the mounts
//! down and frees the loop devices. `/tmp` is a tmpfs in there, so that no file
//! stays either.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Set for the inner run.
const INSIDE: &str = "COMENQ_POWERCUT_INSIDE";

/// A build below `/tmp` must stay visible; then the files are removed one by one.
const SCRIPT: &str = r#"
case $1:$COMENQ_BIN_DIR:$PWD in
    /tmp/* | *:/tmp/*) ;;
    *) mount -t tmpfs tmpfs /tmp || exit ;;
esac
exec "$@" 2>&1
"#;

/// Runs the body of the test of this name.
pub(crate) fn run(test: &str, body: fn()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    assert!(
        nix::unistd::geteuid().is_root(),
        "only root can mount: run `tests/run powercut` as root"
    );
    let mut inner = Command::new("setpriv");
    inner
        // Whoever kills the test kills what runs inside as well.
        .args(["--pdeathsig", "KILL"])
        .args(["unshare", "--mount", "--pid", "--mount-proc"])
        .args(["--fork", "--kill-child"])
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .arg("--test-threads=1")
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut inner = inner.spawn().expect("setpriv: apt-get install util-linux");
    let mut passed = false;
    for line in BufReader::new(inner.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        passed |= line.contains("ok. 1 passed");
        println!("    {line}");
    }
    let status = inner.wait().unwrap();
    assert!(
        status.success() && passed,
        "{test} inside its namespaces: {status}"
    );
}
