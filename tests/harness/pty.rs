//! A program on a real terminal: keys go in, and what comes out is kept twice, as it was
//! written and as the screen shows it.
//!
//! Ctrl-C is a byte here as it is from a keyboard: the kernel makes the signal of it.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test whose tools fail has failed"
)]

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use pty_process::Size;
use pty_process::blocking::{Command as OnPty, Pty, open};

use crate::wait;

/// What Ctrl-C sends.
pub const CTRL_C: &str = "\u{3}";
/// What Ctrl-D sends.
pub const CTRL_D: &str = "\u{4}";

const PATIENCE: Duration = Duration::from_secs(30);

/// A program, running, and its terminal.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    shown: Arc<Mutex<Shown>>,
    reader: Option<JoinHandle<()>>,
}

/// What came out so far.
struct Shown {
    parser: vt100::Parser,
    said: Vec<u8>,
}

/// What a program on a terminal left.
#[derive(Debug, Clone)]
pub struct Left {
    /// The exit code as a shell tells it: 128 and the signal, if one ended it.
    pub code: i32,
    /// The screen at the end.
    pub screen: String,
    /// All that was ever written, as it was.
    pub said: String,
}

impl Terminal {
    /// Starts a program on a terminal of this size.
    #[must_use]
    pub fn start(mut command: Command, rows: u16, columns: u16) -> Self {
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let (pty, side) = open().expect("a terminal");
        pty.resize(Size::new(rows, columns)).expect("a size for it");
        let child = OnPty::from(command).spawn(side).expect("it starts");
        let pty = Arc::new(pty);
        let shown = Arc::new(Mutex::new(Shown {
            parser: vt100::Parser::new(rows, columns, 0),
            said: Vec::new(),
        }));
        let reader = {
            let (pty, shown) = (Arc::clone(&pty), Arc::clone(&shown));
            thread::spawn(move || read(&pty, &shown))
        };
        Self {
            pty,
            child,
            shown,
            reader: Some(reader),
        }
    }

    /// Presses keys.
    pub fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Changes its size; the program is told by a signal.
    pub fn resize(&self, rows: u16, columns: u16) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.parser.screen_mut().set_size(rows, columns);
        self.pty
            .resize(Size::new(rows, columns))
            .expect("another size");
    }

    /// What the screen shows now.
    #[must_use]
    pub fn screen(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.parser.screen().contents()
    }

    /// All that was written so far.
    #[must_use]
    pub fn said(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown.said).into_owned()
    }

    /// Waits until the screen shows a text; gives the screen.
    #[expect(clippy::must_use_candidate, reason = "often only the waiting matters")]
    pub fn shows(&self, text: &str) -> String {
        self.until(&format!("the screen to show {text:?}"), |screen| {
            screen.contains(text)
        })
    }

    /// Waits until the screen is as it should be; gives it.
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        wait::until(what, PATIENCE, || {
            Some(self.screen()).filter(|it| is_so(it))
        })
    }

    /// Waits for its end.
    #[must_use]
    pub fn end(mut self) -> Left {
        let status = wait::until("the program on the terminal to end", PATIENCE, || {
            self.child.try_wait().expect("a child of ours")
        });
        wait::until("its last words", PATIENCE, || {
            self.reader
                .as_ref()
                .is_none_or(JoinHandle::is_finished)
                .then_some(())
        });
        let signal = status.signal().map(|signal| 128 + signal);
        Left {
            code: status.code().or(signal).unwrap_or(-1),
            screen: self.screen(),
            said: self.said(),
        }
    }
}

/// Until nobody has the other side open any more.
fn read(mut pty: &Pty, shown: &Mutex<Shown>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = pty.read(&mut bytes) {
        let bytes = bytes.get(..count).unwrap_or_default();
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.parser.process(bytes);
        shown.said.extend(bytes);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It leads its session, and so its group.
            let group = i32::try_from(self.child.id()).expect("a process id");
            let _ended_just_now = killpg(Pid::from_raw(group), Signal::SIGKILL);
            drop(self.child.wait());
        }
        if thread::panicking() {
            let text = format!(
                "---- screen ----\n{}\n---- written ----\n{:?}\n----\n",
                self.screen(),
                self.said()
            );
            drop(io::stderr().write_all(text.as_bytes()));
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}
