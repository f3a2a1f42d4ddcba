//! Long text on a terminal, through the pager the user chose.
//!
//! Decides when: once there is more than fits. Until then it is held back, so that
//! a short list is printed as it is; from then on it streams, whatever its length.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    mem,
    process::{Child, Stdio},
};

use crate::{failure::Failure, output::Output, program};

/// What git and gh give less: quit if it fits after all, pass colours, leave the screen.
const LESS: (&str, &str) = ("LESS", "FRX");

/// Where long text goes.
#[derive(Debug, Clone)]
pub(crate) struct PagerChoice {
    /// A shell command.
    command: OsString,
    /// Whether less is told how to behave; not where the user has said it.
    tells_less: bool,
}

impl PagerChoice {
    /// What the environment names, `less` if nothing; `None` if it says that there is
    /// to be none.
    pub(crate) fn of(environment: &dyn Fn(&str) -> Option<OsString>) -> Option<Self> {
        let named = environment("COMENQ_PAGER").or_else(|| environment("PAGER"));
        let command = named.unwrap_or_else(|| "less".into());
        let tells_less = environment(LESS.0).is_none();
        let is_one = !command.is_empty() && command != "cat";
        is_one.then_some(Self {
            command,
            tells_less,
        })
    }

    fn start(&self) -> io::Result<Child> {
        let mut pager = program::command(&self.command, None);
        pager.stdin(Stdio::piped());
        if self.tells_less {
            pager.env(LESS.0, LESS.1);
        }
        pager.spawn()
    }
}

/// Takes lines; whoever writes them need not know where they go.
pub(crate) struct Pager {
    choice: Option<PagerChoice>,
    /// Lines that still fit.
    room: usize,
    held: String,
    running: Option<Child>,
    ignore_interrupts: fn() -> io::Result<()>,
}

impl Pager {
    /// For a screen of so many lines; without one, everything is written as it is.
    pub(crate) fn new(
        choice: Option<PagerChoice>,
        height: Option<usize>,
        ignore_interrupts: fn() -> io::Result<()>,
    ) -> Self {
        Self {
            choice: choice.filter(|_| height.is_some()),
            // The prompt comes back below.
            room: height.map_or(0, |rows| rows.saturating_sub(1)),
            held: String::new(),
            running: None,
            ignore_interrupts,
        }
    }

    /// Takes some lines; whether anybody still reads.
    pub(crate) fn lines(&mut self, text: &str, output: &mut Output<'_>) -> Result<bool, Failure> {
        if let Some(running) = &mut self.running {
            return Ok(feed(running, text));
        }
        if self.choice.is_none() {
            return output.line(text);
        }
        self.held.push_str(text);
        if self.held.lines().count() <= self.room {
            return Ok(true);
        }
        let held = mem::take(&mut self.held);
        match self.choice.take().map(|choice| choice.start()) {
            Some(Ok(mut pager)) => {
                // It is the pager's; one that we cannot leave to it ends us both.
                let _ends_both = (self.ignore_interrupts)();
                let reads = feed(&mut pager, &held);
                self.running = Some(pager);
                Ok(reads)
            }
            // Without a pager it scrolls by.
            _ => output.line(&held),
        }
    }

    /// Shows what was held back, or waits until the reader is done.
    pub(crate) fn end(mut self, output: &mut Output<'_>) -> Result<(), Failure> {
        if let Some(mut pager) = self.running.take() {
            drop(pager.stdin.take());
            // How it ended is the reader's business.
            let _ended = pager.wait();
            return Ok(());
        }
        if self.held.is_empty() {
            return Ok(());
        }
        output.line(&self.held).map(drop)
    }
}

/// Whether it still reads.
fn feed(pager: &mut Child, text: &str) -> bool {
    let stdin = pager.stdin.as_mut();
    stdin.is_some_and(|stdin| stdin.write_all(text.as_bytes()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses_and_may_choose_none() {
        let of = |set: &[(&str, &str)]| {
            let choice = PagerChoice::of(&|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            });
            choice.map(|choice| choice.command.into_string().unwrap())
        };
        assert_eq!(of(&[]).as_deref(), Some("less"));
        assert_eq!(of(&[("PAGER", "more -s")]).as_deref(), Some("more -s"));
        let both = [("PAGER", "more"), ("COMENQ_PAGER", "most")];
        assert_eq!(of(&both).as_deref(), Some("most"));
        assert_eq!(of(&[("PAGER", "cat")]), None);
        assert_eq!(of(&[("PAGER", "")]), None);
    }
}
