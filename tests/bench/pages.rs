//! The longest reply: up to a hundred thousand jobs every page of the list, with texts, and of an
//! export is read once. Its floor is what a frame holds.

use comenq_proto::{JobList, MAX_FRAME, MAX_PAGE, StoreExport};
use harness::connection::Connection;
use harness::daemon::Daemon;
use harness::pages::walk;

use crate::Failure;
use crate::table::{Aim, Row, Value};

/// Longer queues are not walked through: nothing on a page of theirs is longer.
const WALKED: usize = 100_000;

/// The longest replies in pages, in bytes.
pub(crate) struct Largest {
    list: usize,
    export: usize,
}

impl Largest {
    /// Reads every page once, if there are not too many.
    pub(crate) fn read(daemon: &Daemon, jobs: usize) -> Result<Option<Self>, Failure> {
        if jobs > WALKED {
            return Ok(None);
        }
        let mut connection = Connection::ready(&daemon.socket())?;
        let list = JobList {
            limit: Some(MAX_PAGE),
            include_body: true,
            ..JobList::default()
        };
        let list = walk(&mut connection, list, |_| {})?;
        let export = walk(&mut connection, StoreExport { cursor: None }, |_| {})?;
        // An export has a line for each job at least; of the list some may be finished for long.
        if list.items < jobs / 2 || export.items < jobs {
            return Err(format!("pages are missing: {list:?}, {export:?}").into());
        }
        Ok(Some(Self {
            list: list.largest,
            export: export.largest,
        }))
    }

    /// What was found, of a queue of so many.
    pub(crate) fn rows(&self, jobs: usize) -> [Row; 2] {
        let row = |what: &str, bytes: usize| Row {
            what: format!("longest of all pages of {what}, {jobs} queued"),
            figure: Value::Kilobytes(kilobytes(bytes)),
            floor: Value::Kilobytes(kilobytes(MAX_FRAME)),
            floor_is: "what a frame holds",
            aim: Aim::AtMost(Value::Kilobytes(kilobytes(MAX_FRAME))),
        };
        [row("texts", self.list), row("an export", self.export)]
    }
}

fn kilobytes(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(1024)).unwrap_or(u64::MAX)
}
