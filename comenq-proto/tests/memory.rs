//! What a hostile frame can make a reader allocate: under four times its own
//! length and 64 KiB, whatever it says of itself; a batch its most jobs besides.
//!
//! A binary of its own with a single test, because the allocator that counts is
//! the whole process's. The frame, its envelope and the decoded body all count,
//! held at the same time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends in a panic when it fails"
)]

use std::alloc::System;

use bytes::{Bytes, BytesMut};
use cap::Cap;
use comenq_proto::{
    AccountResume, ForecastReply, FrameCodec, Hello, HelloReply, JobChangeReply, JobCheck,
    JobCheckReply, JobEdit, JobGetReply, JobList, JobListReply, JobRetryFailed,
    JobRetryFailedReply, JobSubmit, JobSubmitBatch, JobSubmitBatchReply, JobSubmitReply, MAX_BATCH,
    MAX_FRAME, RequestEnvelope, ResponseEnvelope, StatusReply, StoreExportReply, WireError,
    from_slice,
};
use serde::de::DeserializeOwned;
use tokio_util::codec::Decoder as _;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const SLACK: usize = 64 * 1024;

/// The most that was allocated at once during `work`, beyond what was before.
///
/// The allocator only knows its highest mark ever; filling up to that mark
/// first makes every further byte raise it.
fn peak(work: impl FnOnce()) -> usize {
    let room = ALLOCATOR.max_allocated() - ALLOCATOR.allocated();
    let ballast = Vec::<u8>::with_capacity(room);
    let before = ALLOCATOR.max_allocated();
    work();
    let peak = ALLOCATOR.max_allocated() - before;
    drop(ballast);
    peak
}

/// Major types of CBOR.
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// The head of an item, its argument in eight bytes.
fn head(major: u8, argument: u64) -> Vec<u8> {
    let mut bytes = vec![major << 5 | 0x1b];
    bytes.extend(argument.to_be_bytes());
    bytes
}

fn string(major: u8, content: &[u8]) -> Vec<u8> {
    [head(major, content.len() as u64), content.to_vec()].concat()
}

fn text(content: &str) -> Vec<u8> {
    string(TEXT, content.as_bytes())
}

/// A map of one entry.
fn entry(name: &str, value: &[u8]) -> Vec<u8> {
    [head(MAP, 1), text(name), value.to_vec()].concat()
}

/// An indefinite string of pieces of `step` bytes.
fn pieces(major: u8, total: usize, step: usize) -> Vec<u8> {
    let short = u8::try_from(step).unwrap();
    let piece = [vec![major << 5 | short], vec![b'x'; step]].concat();
    [
        vec![major << 5 | 0x1f],
        piece.repeat(total / piece.len()),
        vec![0xff],
    ]
    .concat()
}

/// Values that promise, repeat or nest more than they should.
fn hostile_values(size: usize) -> Vec<(String, Vec<u8>)> {
    let many = |item: &[u8]| {
        let count = size / item.len();
        [head(ARRAY, count as u64), item.repeat(count)].concat()
    };
    let mut values = vec![
        ("zeros in an array".to_owned(), many(&[0])),
        ("empty texts".to_owned(), many(b"\x60")),
        ("short texts".to_owned(), many(b"\x61a")),
        ("empty maps".to_owned(), many(b"\xa0")),
        ("a text".to_owned(), string(TEXT, &vec![b'x'; size])),
        ("bytes of zeros".to_owned(), string(BYTES, &vec![0; size])),
        ("text in tiny pieces".to_owned(), pieces(TEXT, size, 1)),
        ("bytes in tiny pieces".to_owned(), pieces(BYTES, size, 1)),
        (
            "text in empty pieces".to_owned(),
            [vec![0x7f], vec![0x60; size], vec![0xff]].concat(),
        ),
        (
            "text without an end".to_owned(),
            [&[0x7f][..], &string(TEXT, &vec![b'x'; size])].concat(),
        ),
        ("nested arrays".to_owned(), vec![0x81; size]),
        ("nested endless arrays".to_owned(), vec![0x9f; size]),
        ("nested maps".to_owned(), b"\xa1\x61a".repeat(size / 3)),
        ("nested tags".to_owned(), vec![0xc1; size]),
        ("tagged zeros".to_owned(), many(b"\xc1\x00")),
        (
            "big numbers".to_owned(),
            many(b"\xc2\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ),
        ("many names".to_owned(), names(size)),
    ];
    for major in [BYTES, TEXT, ARRAY, MAP, TAG] {
        for argument in [1 << 16, 1 << 32, 1 << 62, u64::MAX] {
            let promise = [head(major, argument), vec![b'x'; size.min(64)]].concat();
            values.push((format!("major type {major} promising {argument}"), promise));
        }
    }
    values
}

/// A map with a different name for every few bytes.
fn names(size: usize) -> Vec<u8> {
    const ENTRY: usize = 8;
    let count = size / ENTRY;
    let entries = (0..count).flat_map(|n| format!("\x66{n:06}\x00").into_bytes());
    head(MAP, count as u64).into_iter().chain(entries).collect()
}

/// Every field that reads more than a number, and one nobody knows.
const FIELDS: &[&str] = &[
    "unknown",
    "body",
    "owner",
    "key",
    "supports",
    "features",
    "notes",
    "jobs",
    "job",
    "counts",
    "lanes",
    "degraded",
    "store",
    "ack",
    "err",
    "authz",
    "cursor",
    "kind",
    "endpoint",
    "message",
    "attempt_log",
    "superseded",
    "retried",
    "lines",
    "own",
    "config",
    "reason",
    "account",
    "states",
];

fn read<T: DeserializeOwned>(bytes: &[u8]) {
    drop(from_slice::<T>(bytes));
}

/// What arrives, read as tokio's codec reads: into the room the codec made.
fn receive(mut wire: &[u8]) -> Option<Bytes> {
    let mut buffer = BytesMut::with_capacity(8 * 1024);
    loop {
        match FrameCodec::new().decode(&mut buffer) {
            Ok(Some(frame)) => return Some(frame),
            Ok(None) if !wire.is_empty() => {}
            _ => return None,
        }
        buffer.reserve(1);
        let count = (buffer.capacity() - buffer.len()).min(wire.len());
        buffer.extend_from_slice(&wire[..count]);
        wire = &wire[count..];
    }
}

/// What the daemon does with a submission.
fn read_submission(wire: &[u8]) {
    let frame = receive(wire).unwrap_or_default();
    if let Ok(request) = from_slice::<RequestEnvelope>(&frame) {
        read::<JobSubmit>(&request.body);
    }
}

/// What either side does with any message.
fn read_anything(wire: &[u8]) {
    let frame = receive(wire).unwrap_or_default();
    read::<Hello>(&frame);
    read::<HelloReply>(&frame);
    read::<RequestEnvelope>(&frame);
    if let Ok(response) = from_slice::<ResponseEnvelope>(&frame) {
        read::<JobSubmit>(&response.body);
        read::<JobList>(&response.body);
        read::<JobSubmitReply>(&response.body);
        read::<JobGetReply>(&response.body);
        read::<JobListReply>(&response.body);
        read::<StatusReply>(&response.body);
        read::<WireError>(&response.body);
        read::<JobSubmitBatch>(&response.body);
        read::<JobSubmitBatchReply>(&response.body);
        read::<JobEdit>(&response.body);
        read::<JobChangeReply>(&response.body);
        read::<JobRetryFailed>(&response.body);
        read::<JobRetryFailedReply>(&response.body);
        read::<AccountResume>(&response.body);
        read::<StoreExportReply>(&response.body);
        read::<JobCheckReply>(&response.body);
        read::<ForecastReply>(&response.body);
    }
}

/// What either side does with a batch.
fn read_batch(wire: &[u8]) {
    let frame = receive(wire).unwrap_or_default();
    if let Ok(response) = from_slice::<ResponseEnvelope>(&frame) {
        read::<JobSubmitBatch>(&response.body);
        read::<JobSubmitBatchReply>(&response.body);
        read::<JobCheck>(&response.body);
        read::<JobCheckReply>(&response.body);
    }
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&length.to_be_bytes(), payload].concat()
}

/// An envelope that is either a request or a response, with this body item.
fn envelope(body: &[u8]) -> Vec<u8> {
    let parts = [
        vec![0xa5],
        [text("v"), vec![1]].concat(),
        [text("request_id"), vec![1]].concat(),
        [text("endpoint"), text("ping")].concat(),
        [text("kind"), text("ok")].concat(),
        [text("body"), body.to_vec()].concat(),
    ];
    parts.concat()
}

/// A submission that is right but for its size.
fn submission(body: &[u8]) -> Vec<u8> {
    let parts = [
        vec![0xa4],
        [text("owner"), text("o")].concat(),
        [text("repo"), text("r")].concat(),
        [text("number"), vec![1]].concat(),
        [text("body"), body.to_vec()].concat(),
    ];
    parts.concat()
}

/// A job of as few bytes as a job can have, to see how memory multiplies.
fn small_job() -> Vec<u8> {
    let mut job = vec![0xab];
    for field in [
        "id",
        "number",
        "uid",
        "priority",
        "created_at_ms",
        "attempts",
    ] {
        job.push(0x60 | u8::try_from(field.len()).unwrap());
        job.extend(field.bytes());
        job.push(0);
    }
    for field in ["state", "owner", "repo", "account"] {
        job.push(0x60 | u8::try_from(field.len()).unwrap());
        job.extend(field.bytes());
        job.extend(b"\x61a");
    }
    job.extend(b"\x70cancel_requested\xf4");
    job
}

fn small_lane() -> Vec<u8> {
    b"\xa4\x67account\x61a\x64host\x61a\x6bcooldown_ms\x00\x65phase\x61a".to_vec()
}

fn repeated(item: &[u8], count: usize) -> Vec<u8> {
    [head(ARRAY, count as u64), item.repeat(count)].concat()
}

fn status(counts: &[u8], lanes: &[u8]) -> Vec<u8> {
    let parts = [
        vec![0xa5],
        [text("daemon_version"), text("1")].concat(),
        [text("started_at_ms"), vec![0]].concat(),
        [text("store"), entry("ok", &[0xf5])].concat(),
        [text("counts"), counts.to_vec()].concat(),
        [text("lanes"), lanes.to_vec()].concat(),
    ];
    parts.concat()
}

#[test]
fn no_frame_makes_a_reader_allocate_much_more_than_its_length() {
    hostile_values_in_every_place();
    lists_of_small_things();
    batches_of_small_things();
}

fn hostile_values_in_every_place() {
    for size in [100, 5_000] {
        for (name, value) in hostile_values(size) {
            for field in FIELDS {
                let name = format!("{name}, {size}, in {field}");
                let body = entry(field, &value);
                check(&name, &body, read_anything);
                check(&name, &envelope(&string(BYTES, &body)), read_anything);
            }
        }
    }
    // Just above a power of two a doubling buffer is twice as large as needed.
    for size in [(1 << 17) + 2, (1 << 19) + 2, MAX_FRAME - 200] {
        for (name, value) in hostile_values(size) {
            let name = format!("{name}, {size}");
            let as_comment = string(BYTES, &submission(&value));
            let as_unknown = string(BYTES, &entry("unknown", &value));
            for body in [as_comment, as_unknown, value] {
                check(&name, &envelope(&body), read_submission);
            }
        }
    }
}

/// A submission without options takes 30 bytes on the wire and eight times as
/// many in memory, so a batch may need room for its most jobs besides.
fn batches_of_small_things() {
    let submission = b"\xa4\x65owner\x61o\x64repo\x61r\x66number\x01\x64body\x61x";
    let reply = [&b"\xa2\x63job"[..], &small_job(), b"\x69duplicate\xf4"].concat();
    let sizes = (size_of::<JobSubmit>(), size_of::<JobSubmitReply>());
    for count in [1, 10, 255, 500, 501, 7_000] {
        let submissions = entry("jobs", &repeated(submission, count));
        let replies = entry("jobs", &repeated(&reply, count));
        for (name, body, size) in [
            ("submissions", submissions, sizes.0),
            ("replies", replies, sizes.1),
        ] {
            let name = format!("{count} small {name}");
            let payload = envelope(&string(BYTES, &body));
            check_with_room(&name, &payload, read_batch, MAX_BATCH * size);
        }
    }
}

fn lists_of_small_things() {
    for count in [1, 10, 255, 256, 257, 500, 501, 7_000] {
        let jobs = entry("jobs", &repeated(&small_job(), count));
        let lanes = status(&[0xa0], &repeated(&small_lane(), count));
        let counts = status(&names(count * 8), &[0x80]);
        for (name, body) in [("jobs", jobs), ("lanes", lanes), ("counts", counts)] {
            let name = format!("{count} small {name}");
            check(&name, &envelope(&string(BYTES, &body)), read_anything);
        }
    }
}

fn check(name: &str, payload: &[u8], read: fn(&[u8])) {
    check_with_room(name, payload, read, 0);
}

fn check_with_room(name: &str, payload: &[u8], read: fn(&[u8]), room: usize) {
    let wire = framed(payload);
    if payload.len() <= MAX_FRAME {
        let peak = peak(|| read(&wire));
        let limit = 4 * wire.len() + SLACK + room;
        assert!(
            peak < limit,
            "{name}: {} bytes made {peak} of {limit}",
            wire.len()
        );
    }
}
