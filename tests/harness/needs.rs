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

/// Whether Python has a module.
#[must_use]
pub fn python(module: &str) -> bool {
    let status = Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .stderr(Stdio::null())
        .status();
    let is_there = status.is_ok_and(|status| status.success());
    present(is_there, &format!("python3 with {module}"))
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
