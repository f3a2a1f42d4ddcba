//! A store as lines of JSON, and back: the backup.
//!
//! Decides what is in it: everything that cannot be derived. Exported online in steps, imported
//! offline into an empty queue.
//!
//! | line | what |
//! |---|---|
//! | `{"comenq_export":1, "format", "store", "meta"}` | first: which store this is |
//! | `{"job", "body", "log"}` | a job's record, its text, its attempts and looks |
//! | `{"unreadable", "why"}` | in place of a job that is damaged |
//! | `{"kind", "key", "record"}` or `"hex"` | any other entry: its key, and its record or its bytes |
//! | `{"end": {"jobs", "unreadable", "entries"}}` | last: a file without it was cut off |
//!
//! Records are written field by field as they are on disk, whatever fields there are (see `json`).
//! A job is read once, in the order of ids, and what belongs to no single job after all jobs: what
//! happens meanwhile makes a job older than its comment or its lane, never the reverse.

mod export;
mod import;
mod json;

pub(super) use export::page;
pub use export::{ExportCursor, ExportPage};
pub use import::Imported;
pub(super) use import::queue;

/// Version of the lines.
const VERSION: u64 = 1;

/// Kinds of entries that do not follow from the jobs' records.
const KINDS: [(&str, u8); 11] = [
    ("submit_key", b'k'),
    ("forgotten_key", b'z'),
    ("same_text", b'y'),
    ("user", b'u'),
    ("barred_owner", b'o'),
    ("usage", b'q'),
    ("comment", b'g'),
    ("lane", b'p'),
    ("identity", b'i'),
    ("blocked_account", b'B'),
    ("halt", b'H'),
];
