//! The real `comenq` as a process: arguments and stdin in; exit code, stdout
//! and stderr out; as another user where the test runs as root.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test whose tools fail has failed"
)]

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::programs::program;
use crate::pty::Terminal;
use crate::setup::clean;

/// What decides how text looks, where it goes and who writes it: none of a developer's.
const TASTE: [&str; 9] = [
    "COLUMNS",
    "EDITOR",
    "GH_HOST",
    "LESS",
    "LINES",
    "NO_COLOR",
    "PAGER",
    "VISUAL",
    "XDG_RUNTIME_DIR",
];

/// One call of the client, not yet made.
#[derive(Debug)]
pub struct Cli {
    command: Command,
    stdin: Option<Vec<u8>>,
}

/// What a call of the client gave.
#[derive(Debug, Clone)]
pub struct Done {
    /// The exit code.
    pub code: i32,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

/// A call of the client that is still running.
#[derive(Debug)]
pub struct Running {
    child: Child,
    feeder: Option<JoinHandle<()>>,
}

impl Cli {
    /// A call that finds the daemon through `COMENQ_SOCKET`.
    #[must_use]
    pub fn new(socket: &Path, arguments: &[&str]) -> Self {
        Self::of(Command::new(program("comenq")), socket, arguments)
    }

    /// The same as another user; only root can. The program is copied beside the
    /// socket, because a build directory may be closed to others.
    #[must_use]
    pub fn as_user(socket: &Path, arguments: &[&str], uid: u32, gid: u32) -> Self {
        let copy = socket.with_file_name("comenq");
        if !copy.exists() {
            // By a process of its own: a file that this process has open for
            // writing at a moment when another thread forks cannot be executed.
            let status = Command::new("cp")
                .arg(program("comenq"))
                .arg(&copy)
                .status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "cannot copy comenq"
            );
        }
        let mut cli = Self::of(Command::new(copy), socket, arguments);
        cli.command.uid(uid).gid(gid);
        cli
    }

    fn of(mut command: Command, socket: &Path, arguments: &[&str]) -> Self {
        clean(&mut command);
        for name in TASTE {
            command.env_remove(name);
        }
        command.env("COMENQ_SOCKET", socket).args(arguments);
        Self {
            command,
            stdin: None,
        }
    }

    /// Appends an argument that need not be UTF-8.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    /// Gives it a text on stdin; otherwise stdin is empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable of the environment.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it in that directory.
    #[must_use]
    pub fn within(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Starts it on a terminal of so many rows and columns.
    #[must_use]
    pub fn on_terminal(self, rows: u16, columns: u16) -> Terminal {
        Terminal::start(self.command, rows, columns)
    }

    /// Starts it.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(if self.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let mut child = self.command.spawn().expect("comenq starts");
        let feeder = child.stdin.take().zip(self.stdin).map(|(mut pipe, bytes)| {
            // A client that refuses early does not read to the end.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        Running { child, feeder }
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(self) -> Done {
        self.spawn().wait()
    }

    /// Runs it to its end, which must be success.
    #[expect(clippy::must_use_candidate, reason = "often only the success matters")]
    pub fn ok(self) -> Done {
        let done = self.run();
        assert_eq!(done.code, 0, "comenq failed: {done:?}");
        done
    }
}

impl Running {
    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGINT,
        )
        .expect("comenq is ours and runs");
    }

    /// Stops reading what it prints.
    pub fn close_stdout(&mut self) {
        drop(self.child.stdout.take());
    }

    /// The next line of its stdout.
    pub fn line(&mut self) -> String {
        let stdout = self.child.stdout.as_mut().expect("a pipe");
        let mut line = Vec::new();
        let mut byte = [0];
        // Byte by byte: what comes after the line is for the next call.
        while stdout.read(&mut byte).expect("a pipe of ours") == 1 && byte != *b"\n" {
            line.extend(byte);
        }
        String::from_utf8(line).expect("comenq prints UTF-8")
    }

    /// Kills it, wherever it is.
    pub fn kill(mut self) {
        // One that has ended already is as dead.
        drop(self.child.kill());
        self.child.wait().expect("a child of ours");
    }

    /// Waits for its end.
    #[must_use]
    pub fn wait(self) -> Done {
        let output = self.child.wait_with_output().expect("a child of ours");
        if let Some(feeder) = self.feeder {
            feeder.join().expect("the feeder writes or stops");
        }
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("comenq prints UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("comenq prints UTF-8"),
        }
    }
}

impl Done {
    /// Its stdout as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("JSON on stdout")
    }

    /// The error it printed as JSON on stderr.
    #[must_use]
    pub fn json_error(&self) -> Value {
        let json: Value = serde_json::from_str(&self.stderr).expect("JSON on stderr");
        json.get("error").cloned().expect("an error")
    }
}
