//! What holds for every command: usage, an absent daemon, an unwritable output.

use std::io::{self, Write};

use super::{PIPED, alone, run_with, written_to};
use crate::Exit;

#[test]
fn an_absent_daemon_is_exit_3_with_what_to_do() {
    let ran = alone(&["list"]);
    assert_eq!(ran.exit, Exit::Unreachable);
    assert!(
        ran.stderr
            .starts_with("error: socket /nonexistent/comenq.sock does not exist\n  ")
    );
    let error = alone(&["post", "o/r#1", "text", "--json"]).error();
    assert_eq!(error["code"], "unreachable");
    assert_eq!(error["key"], serde_json::Value::Null);
}

#[test]
fn wrong_input_is_found_before_anybody_is_connected_to() {
    for (line, code) in [
        (&["post", "o/r#0", "text"][..], "invalid_target"),
        (&["post", "https://example.org/", "text"], "invalid_target"),
        (&["o/r", "1", " \n"], "invalid_body"),
        (&["post", "o/r#1"], "invalid_body"),
        (&["post", "o/r#1", "-F", "/nonexistent/file"], "input"),
        (
            &["post", "o/r#1", "text", "-F", "/nonexistent/file"],
            "usage",
        ),
        (&["post", "o/r#1", "text", "--key", ""], "usage"),
        (&["show", "x"], "usage"),
        (&["frobnicate"], "usage"),
        (&["list", "--nonsense"], "usage"),
    ] {
        let ran = alone(line);
        assert_eq!(ran.exit, Exit::Usage, "{line:?}: {}", ran.stderr);
        assert!(
            ran.stderr.starts_with("error: "),
            "{line:?}: {}",
            ran.stderr
        );
        let ran = alone(&[line, &["--json"]].concat());
        assert_eq!(ran.error()["code"], code, "{line:?}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for line in [
        &["--help"][..],
        &["post", "--help"],
        &["--version"],
        &["help"],
    ] {
        let ran = run_with(line, b"", false);
        assert_eq!(
            (ran.exit, ran.stderr.as_str()),
            (Exit::Done, ""),
            "{line:?}"
        );
        assert!(ran.stdout.contains("comenq"), "{line:?}");
    }
    let version = concat!("comenq ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run_with(&["-V"], b"", false).stdout, version);
    let ran = run_with(&[], b"", false);
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Usage, ""));
    assert!(ran.stderr.contains("Exit codes:"));
}

struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_unwritable_output_is_told_but_a_reader_gone_is_not() {
    let version = |kind| written_to(&mut Failing(kind), &["--version"], PIPED);
    assert_eq!(
        version(io::ErrorKind::BrokenPipe),
        (Exit::Done, String::new())
    );
    let (exit, stderr) = version(io::ErrorKind::StorageFull);
    assert_eq!(exit, Exit::Trouble);
    assert!(
        stderr.starts_with("error: cannot write the answer"),
        "{stderr}"
    );
}
