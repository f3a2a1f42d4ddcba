//! What a test needs of its machine. Where it is missing the test is left out,
//! which is said on stderr; with `CI=true` it fails instead.

use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Whether the test runs as root: to be several users, to mount.
#[must_use]
pub fn root() -> bool {
    present(nix::unistd::geteuid().is_root(), "root")
}

/// Whether a program is installed.
#[must_use]
pub fn program(name: &str) -> bool {
    let status = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    present(status.is_ok(), name)
}

/// A Python that has a module: the one in the path, or the system's, for which packages are.
#[must_use]
pub fn python(module: &str) -> Option<&'static str> {
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let status = Command::new(python)
            .args(["-c", &format!("import {module}")])
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    });
    present(found.is_some(), &format!("python3 with {module}"));
    found
}

/// Whether a file is there that not every machine has.
#[must_use]
pub fn file(path: &str) -> bool {
    present(std::fs::exists(path).unwrap_or(false), path)
}

/// # Panics
/// In CI, where something is missing.
fn present(is_there: bool, what: &str) -> bool {
    if !is_there {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let said = format!("skipped: {test} needs {what}\n");
        let is_ci = env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_ci, "{said}");
        // Not through the test harness, which shows only what failing tests print.
        drop(io::stderr().write_all(said.as_bytes()));
    }
    is_there
}
