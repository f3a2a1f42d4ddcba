//! Small programs that a test writes: an editor, a pager, an ssh.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test whose tools fail has failed"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a shell script that can be run.
///
/// By a process of its own: a file that this process has open for writing at a moment
/// when another thread forks cannot be executed.
pub fn script(path: &Path, lines: &str) {
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install (coreutils)");
    let mut stdin = install.stdin.take().expect("a pipe");
    write!(stdin, "#!/bin/sh\n{lines}\n").expect("a script is short");
    drop(stdin);
    let status = install.wait().expect("a child of ours");
    assert!(status.success(), "cannot write {}", path.display());
}
