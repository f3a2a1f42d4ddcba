//! The exit codes, each from a run that ends with it: the contract with scripts in one place.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use comenq_proto::{ErrorCode, HelloReply, WireError, to_bytes};
use harness::programs::program;
use harness::pty::CTRL_C;
use harness::wait;

use crate::world::{ISSUE, world_with};

/// More than enough for one step.
const DEADLINE: Duration = Duration::from_secs(10);

/// A daemon that speaks another protocol version.
fn incompatible(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            // The greeting; one read takes it whole from a local socket.
            let _greeted = stream.read(&mut [0; 4096]);
            let error = WireError::new(ErrorCode::IncompatibleProtocol, "too new");
            let reply = HelloReply {
                ack: None,
                err: Some(error),
            };
            let payload = to_bytes(&reply).unwrap();
            let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
            drop(stream.write_all(&[&length[..], &payload].concat()));
        }
    });
}

#[test]
fn each_code_means_one_thing() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(ISSUE, "takes the slot").job.id);
    daemon.cli(&["post", ISSUE, "waits"]).ok();
    daemon.cli(&["post", "--hold", ISSUE, "x"]).ok();
    daemon.cli(&["cancel", "3"]).ok();
    let newer = daemon.setup.path("newer");
    incompatible(&newer);
    let newer = newer.display().to_string();
    let table: [(i32, &[&str]); 9] = [
        (0, &["ping"]),
        (1, &["post", "-e", ISSUE]),
        (2, &["post", "octo/demo#0", "x"]),
        (3, &["ping", "--socket", "/nowhere/comenq.sock"]),
        (4, &["post-now", "2"]),
        (5, &["show", "9"]),
        (6, &["wait", "3"]),
        (7, &["wait", "2", "--timeout", "100ms"]),
        (8, &["ping", "--socket", &newer]),
    ];
    for (code, words) in table {
        let done = daemon.cli(words).env("EDITOR", "false").run();
        assert_eq!(done.code, code, "{words:?}: {done:?}");
        assert_eq!(done.stderr.is_empty(), code == 0, "{words:?}: {done:?}");
    }
    let waiting = daemon.cli(&["wait", "2"]).on_terminal(24, 80);
    waiting.shows("next in");
    waiting.press(CTRL_C);
    assert_eq!(waiting.end().code, 130);
}

/// Else the connection to the daemon would be opened under its number.
#[test]
fn a_closed_standard_stream_is_opened_on_nothing() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.cli(&["post", "--hold", ISSUE, "x"]).ok();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let mut waiting = Command::new("sh")
            .args(["-c", &format!("exec \"$0\" wait 1 {closed}")])
            .arg(program("comenq"))
            .env("COMENQ_SOCKET", daemon.socket())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let streams = PathBuf::from(format!("/proc/{}/fd", waiting.id()));
        let opened = |number: &str| fs::read_link(streams.join(number)).unwrap_or_default();
        wait::until("its connection", DEADLINE, || {
            let is_socket = |number: &str| opened(number).to_string_lossy().starts_with("socket:");
            ["0", "1", "2", "3"].into_iter().find(|it| is_socket(it))
        });
        for (number, sign) in [("0", "<&-"), ("1", ">&-"), ("2", "2>&-")] {
            if closed.split(' ').any(|it| it == sign) {
                assert_eq!(opened(number), Path::new("/dev/null"), "{closed}: {number}");
            }
        }
        waiting.kill().unwrap();
        waiting.wait().unwrap();
    }
}

/// Else the first file that an editor opens would become its standard error.
#[test]
fn what_is_started_has_its_streams_too() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    let editor = tempfile::NamedTempFile::new().unwrap();
    let script = "[ \"$(readlink /proc/$$/fd/2)\" = /dev/null ] && echo edited >\"$1\"";
    fs::write(editor.path(), script).unwrap();
    let line = format!("exec \"$0\" post --hold {ISSUE} -e 2>&-");
    let posted = Command::new("sh")
        .args(["-c", &line])
        .arg(program("comenq"))
        .env("COMENQ_SOCKET", daemon.socket())
        .env("VISUAL", format!("sh {}", editor.path().display()))
        .output()
        .unwrap();
    assert!(posted.status.success(), "{posted:?}");
    assert_eq!(daemon.job(1).body.as_deref(), Some("edited"));
}
