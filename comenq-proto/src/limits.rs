//! Every bound of the protocol, each with its reason.
//!
//! Both sides read these; nothing else in the workspace writes down a size or
//! a wait of the protocol. Changing one changes the contract: PROTOCOL.md too.

use std::time::Duration;

/// Longest payload of one frame, in bytes.
///
/// Four times the largest comment body: room for it, its envelope and any
/// escaping, and still small enough that a peer cannot hurt by filling one.
pub const MAX_FRAME: usize = 1_048_576;

/// Largest comment body, in bytes of UTF-8; nobody can configure more.
///
/// GitHub was measured to take 65 536 characters of up to four bytes each.
pub const MAX_BODY_BYTES: usize = 262_144;

/// Default for the longest comment body, in characters: what GitHub's own
/// error message names as its maximum.
pub const DEFAULT_MAX_BODY_CHARS: usize = 65_536;

/// Longest submit key, in bytes: a UUID or a hash with a prefix fits, and an
/// index over keys stays small.
pub const MAX_KEY_BYTES: usize = 128;

/// How long the daemon waits for the first frame after accepting a
/// connection; a client that is merely slow to start has long sent it.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a frame may take from its first byte to its last: a megabyte over
/// a local socket takes milliseconds, so ten seconds means a stuck peer.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be silent between requests before the daemon
/// closes it and frees its place.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long one reply may take to be written to a peer that does not read.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection with events may be silent: then a `heartbeat` comes. A
/// peer that died is noticed by writing to it, and a reader notices a daemon that
/// did; well under any idle limit in between.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// Events that are kept for readers that are slow or come back: some minutes of
/// a busy queue, in about half a megabyte.
pub const EVENTS_KEPT: usize = 1024;

/// Requests one connection may have unanswered; the daemon reads no further
/// until one is answered, so a pipelining peer cannot grow its memory.
pub const MAX_OUTSTANDING: usize = 16;

/// Unreadable requests in a row after which the daemon closes the connection:
/// the peer does not speak this protocol.
pub const MAX_UNREADABLE: usize = 3;

/// Default for the connections the daemon serves at once: many more than one
/// host has users at work, and well under the 4096 descriptors of the unit.
pub const MAX_CONNECTIONS: usize = 1024;

/// Of [`MAX_CONNECTIONS`], the places kept for root, so that an administrator
/// can look while others fill the rest.
pub const ROOT_RESERVE: usize = 8;

/// Default for the connections one user may have at once: a quarter of all, so
/// that it takes four users to fill the places, and more than a build machine
/// has jobs.
pub const MAX_USER_CONNECTIONS: usize = 256;

/// Default for the requests one user may make in a second, over all its
/// connections: less than half of what the daemon commits durably for a single
/// client, so that others always find it free.
pub const MAX_USER_REQUESTS_PER_SECOND: u32 = 2000;

/// How many seconds' worth of requests a user who was quiet may make at once:
/// a script that queues a few thousand comments in a row is no attack.
pub const BURST_SECONDS: u32 = 2;

/// Default for how often a user may break the protocol within a minute: a
/// client that is broken, and started again each second, is told so a few
/// times.
pub const MAX_VIOLATIONS_PER_MINUTE: u32 = 20;

/// Default for how long a user is refused who did so more often: long enough
/// that trying again costs the daemon nothing, short enough to wait for.
pub const REFUSAL: Duration = Duration::from_secs(60);

/// Bytes that all half-received frames together may occupy, but for root's,
/// which has one user's part beside it. Without it,
/// [`MAX_CONNECTIONS`] peers could hold a gigabyte with one header each.
pub const FRAME_BUDGET_BYTES: usize = 8 * 1024 * 1024;

/// Bytes that all replies which are being made, or are not read yet, may
/// occupy, but for root's as above. Without it, [`MAX_USER_CONNECTIONS`] readers that do not read could
/// hold as many of the largest replies.
pub const REPLY_BUDGET_BYTES: usize = 8 * 1024 * 1024;

/// One user's part of each of the two budgets is one in so many: two frames of
/// any size at a time, and three users find room beside one who fills it.
pub const USER_BUDGET_PARTS: usize = 4;

/// Deepest nesting of maps and arrays in a message; ours need four.
pub const RECURSION_LIMIT: usize = 16;

/// Most CBOR items in one message, keys and the entries of what is nested
/// included. A full page of jobs has a third of them; a frame could have a
/// million, and take a hundred times as long to read as to send.
pub const MAX_ITEMS: usize = 65_536;

/// Most jobs on one page of a list.
pub const MAX_PAGE: u32 = 500;

/// [`MAX_PAGE`] as a bound for reading lists; `as` is the only conversion a
/// constant can make, and it widens.
pub(crate) const MAX_PAGE_LEN: usize = MAX_PAGE as usize;

/// Most posts that a forecast tells of one account: more than a day of them at the default pace,
/// and finding each costs the daemon a look at every user who waits.
pub const MAX_FORECAST: u32 = 100;

/// [`MAX_FORECAST`] as a bound for reading lists.
pub(crate) const MAX_FORECAST_LEN: usize = MAX_FORECAST as usize;

/// Posts that a forecast tells of one account when nobody says how many: a screen of them.
pub const DEFAULT_FORECAST: u32 = 20;

/// Most entries in any list or map of a message except the jobs of a page. It
/// bounds what a few bytes on the wire can make a reader allocate.
pub const MAX_ENTRIES: usize = 256;

/// Most jobs of one batch: as many as fit on a page, whose reply it is.
pub const MAX_BATCH: usize = 500;

/// The lowest priority a job can have; the highest is [`MAX_PRIORITY`]. Zero
/// is what a job has that names none.
pub const MIN_PRIORITY: i8 = -100;

/// The highest priority a job can have: a round number that leaves an `i8`
/// room for values of the daemon's own.
pub const MAX_PRIORITY: i8 = 100;

/// How far from now a time of a submission may lie, in either direction:
/// beyond ten years somebody mistook seconds for milliseconds.
pub const MAX_TIME_DISTANCE: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Most entries of a job's attempt log: enough for every attempt and look that
/// still explains where the job stands.
pub const MAX_ATTEMPT_LOG: usize = 20;
