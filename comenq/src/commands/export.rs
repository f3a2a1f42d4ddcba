//! `comenq export`: everything in the queue to standard output, as a backup.
//!
//! Decides that a backup is complete or the exit code says that it is not: even
//! a reader that went away is an error here. The lines are the daemon's as they
//! are, and JSON already.

use comenq_proto::StoreExport;

use super::Context;
use crate::{exit::Exit, failure::Failure};

/// What is said beside every error.
const INCOMPLETE: &str = "what was written is no complete backup";

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    let mut request = StoreExport { cursor: None };
    loop {
        let page = context.ask(&request).map_err(incomplete)?;
        let mut text = String::new();
        for line in &page.lines {
            // A line end inside would make two lines of one.
            if line.contains('\n') {
                return Err(incomplete(garbled("a line has a line end inside")));
            }
            text.push_str(line);
            text.push('\n');
        }
        context.output.all(&text).map_err(incomplete)?;
        match page.next_cursor {
            None => return Ok(()),
            next if next == request.cursor => {
                return Err(incomplete(garbled("it gave the same cursor twice")));
            }
            next => request.cursor = next,
        }
    }
}

fn garbled(reason: &str) -> Failure {
    let message = format!("comenqd does not speak comenq's protocol: {reason}");
    Failure::new("protocol_violation", Exit::Trouble, message)
}

fn incomplete(mut failure: Failure) -> Failure {
    failure.detail = Some(match failure.detail {
        Some(detail) => format!("{INCOMPLETE}; {detail}"),
        None => INCOMPLETE.to_owned(),
    });
    failure
}
