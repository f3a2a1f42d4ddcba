//! `comenq export`: a backup is complete, or the exit code says that it is not.

use std::io::{self, Write};

use comenq_proto::{ErrorCode, StoreExport, StoreExportReply, WireError};

use super::{PIPED, against, written_to};
use crate::{
    Exit,
    test_daemon::{Peer, TestDaemon, greeted},
};

fn page(lines: &[&str], next: Option<&str>) -> StoreExportReply {
    StoreExportReply {
        lines: lines.iter().map(ToString::to_string).collect(),
        next_cursor: next.map(Into::into),
    }
}

fn first_page(peer: &mut Peer) {
    let asked = peer.answer::<StoreExport>(&page(&["{\"a\":1}", "{\"b\":\"\u{1b}ü\"}"], Some("c")));
    assert_eq!(asked.cursor, None);
}

fn last_page(peer: &mut Peer) {
    let asked = peer.answer::<StoreExport>(&page(&["{\"end\":2}"], None));
    assert_eq!(asked.cursor.as_deref(), Some("c"));
}

const WHOLE: &str = "{\"a\":1}\n{\"b\":\"\u{1b}ü\"}\n{\"end\":2}\n";

#[test]
fn export_writes_every_line_of_every_page_as_it_is() {
    for line in [&["export"][..], &["export", "--json"]] {
        let daemon = TestDaemon::serving(|peer| {
            first_page(peer);
            last_page(peer);
        });
        let ran = against(&daemon, line, b"");
        assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Done, WHOLE));
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn a_connection_that_breaks_is_taken_up_where_it_was() {
    let daemon = TestDaemon::start(vec![
        greeted(|peer| {
            first_page(peer);
            drop(peer.request::<StoreExport>());
        }),
        greeted(last_page),
    ]);
    assert_eq!(against(&daemon, &["export"], b"").stdout, WHOLE);
}

#[test]
fn an_export_that_ends_early_is_no_success() {
    let daemon = TestDaemon::start(vec![greeted(|peer| {
        first_page(peer);
        drop(peer.request::<StoreExport>());
    })]);
    let ran = against(&daemon, &["export", "--timeout", "50ms"], b"");
    assert_eq!(ran.exit, Exit::Unreachable);
    assert!(
        ran.stderr
            .contains("what was written is no complete backup"),
        "{}",
        ran.stderr
    );
    let daemon = TestDaemon::serving(|peer| {
        first_page(peer);
        let (id, _) = peer.request::<StoreExport>();
        peer.refuse(id, &WireError::new(ErrorCode::Internal, "a defect"));
    });
    let ran = against(&daemon, &["export"], b"");
    assert_eq!(ran.exit, Exit::Trouble);
    assert_eq!(
        ran.stderr,
        "error: a defect\n  what was written is no complete backup\n"
    );
}

#[test]
fn nonsense_of_a_daemon_is_no_backup() {
    for nonsense in [page(&[], Some("c")), page(&["{}\n{}"], None)] {
        let daemon = TestDaemon::serving(move |peer| {
            first_page(peer);
            peer.answer::<StoreExport>(&nonsense);
        });
        let ran = against(&daemon, &["export"], b"");
        assert_eq!(ran.exit, Exit::Trouble);
        assert!(ran.stderr.contains("no complete backup"), "{}", ran.stderr);
    }
}

/// Takes so many writes, then fails like a full disk or a pipe nobody reads.
struct Failing(usize, io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.0.checked_sub(1) else {
            return Err(self.1.into());
        };
        self.0 = left;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_export_that_cannot_be_written_is_no_success_even_when_its_reader_left() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::BrokenPipe] {
        let daemon = TestDaemon::serving(|peer| {
            first_page(peer);
            last_page(peer);
        });
        let socket = daemon.socket().into_os_string().into_string().unwrap();
        let line = ["--socket", &socket, "export"];
        let (exit, stderr) = written_to(&mut Failing(1, kind), &line, PIPED);
        assert_eq!(exit, Exit::Trouble);
        assert!(
            stderr.contains("cannot write to standard output")
                && stderr.contains("no complete backup"),
            "{stderr}"
        );
    }
}
