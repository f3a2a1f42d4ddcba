//! What holds for any input: messages survive the wire, frames survive any
//! splitting, and no bytes make a reader panic.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends in a panic when it fails"
)]

mod events;
mod messages;

use bytes::{Bytes, BytesMut};
use comenq_proto::{
    AccountResume, AccountResumeReply, ByteBuf, CommentBody, Event, ForecastReply, FrameCodec,
    HealthReply, Hello, HelloReply, JobBump, JobChangeReply, JobCheck, JobCheckReply, JobEdit,
    JobGetReply, JobHold, JobId, JobList, JobListReply, JobRelease, JobRetry, JobRetryFailed,
    JobRetryFailedReply, JobSubmit, JobSubmitBatch, JobSubmitBatchReply, JobSubmitReply, Kind,
    MAX_FRAME, ProtocolVersion, RequestEnvelope, ResponseEnvelope, StatusReply, StoreExport,
    StoreExportReply, SubmitKey, Subscribe, Target, TargetRef, VersionRange, WireError, from_slice,
    negotiate, to_bytes,
};
use messages::{checked, entry, error, hello_ack, job, list, status, submit, submit_reply};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::{Decoder as _, Encoder as _};

fn survives<T>(message: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = to_bytes(message).unwrap();
    prop_assert_eq!(&from_slice::<T>(&bytes).unwrap(), message);
    // Not one byte may be missing or too many.
    prop_assert!(from_slice::<T>(&bytes[..bytes.len() - 1]).is_err());
    prop_assert!(from_slice::<T>(&[&bytes[..], &[0]].concat()).is_err());
    Ok(())
}

/// Every message type, so that one input can be read as each.
fn read_as_everything(bytes: &[u8]) {
    drop(from_slice::<Hello>(bytes));
    drop(from_slice::<HelloReply>(bytes));
    drop(from_slice::<RequestEnvelope>(bytes));
    drop(from_slice::<ResponseEnvelope>(bytes));
    drop(from_slice::<JobSubmit>(bytes));
    drop(from_slice::<JobSubmitReply>(bytes));
    drop(from_slice::<JobListReply>(bytes));
    drop(from_slice::<StatusReply>(bytes));
    drop(from_slice::<WireError>(bytes));
    drop(from_slice::<JobSubmitBatch>(bytes));
    drop(from_slice::<JobSubmitBatchReply>(bytes));
    drop(from_slice::<JobGetReply>(bytes));
    drop(from_slice::<JobChangeReply>(bytes));
    drop(from_slice::<JobEdit>(bytes));
    drop(from_slice::<JobRetryFailed>(bytes));
    drop(from_slice::<JobRetryFailedReply>(bytes));
    drop(from_slice::<AccountResume>(bytes));
    drop(from_slice::<AccountResumeReply>(bytes));
    drop(from_slice::<StoreExport>(bytes));
    drop(from_slice::<StoreExportReply>(bytes));
    drop(from_slice::<Subscribe>(bytes));
    drop(from_slice::<Event>(bytes));
    drop(from_slice::<HealthReply>(bytes));
    drop(from_slice::<JobList>(bytes));
    drop(from_slice::<JobCheck>(bytes));
    drop(from_slice::<JobCheckReply>(bytes));
    drop(from_slice::<ForecastReply>(bytes));
}

proptest! {
    #[test]
    fn handshakes_survive_the_wire(
        ack in option::of(hello_ack()),
        err in option::of(error()),
        (newest, oldest) in any::<(u16, u16)>(),
        texts in any::<[String; 2]>(),
        supports in vec(any::<String>(), 0..5),
    ) {
        let [client_name, client_version] = texts;
        survives(&HelloReply { ack, err })?;
        survives(&Hello {
            protocol_version: ProtocolVersion(newest),
            min_protocol_version: ProtocolVersion(oldest),
            client_name,
            client_version,
            supports,
        })?;
    }

    #[test]
    fn requests_and_replies_survive_the_wire(
        submits in vec(submit(), 1..3),
        replies in vec(submit_reply(), 1..3),
        checked in vec(checked(), 0..3),
        notes in vec(any::<String>(), 0..3),
        jobs in vec(job(), 0..4),
        next_cursor in any::<Option<String>>(),
        status in status(),
    ) {
        survives(&submits[0])?;
        survives(&replies[0])?;
        survives(&JobCheck { jobs: submits.clone() })?;
        survives(&JobCheckReply { jobs: checked, notes: notes.clone() })?;
        survives(&JobSubmitBatch { jobs: submits })?;
        survives(&JobSubmitBatchReply { jobs: replies, notes })?;
        survives(&JobListReply { jobs, next_cursor })?;
        survives(&status)?;
    }

    #[test]
    fn verbs_and_their_replies_survive_the_wire(
        job in job(),
        waiting_for in any::<Option<String>>(),
        attempt_log in vec(entry(), 0..4),
        (id, body, reason) in any::<(u64, String, String)>(),
        notes in vec(any::<String>(), 0..3),
        retried in vec(any::<u64>(), 0..9),
        (cursor, next_cursor) in any::<(Option<String>, Option<String>)>(),
        list in list(),
        (position, expected_at_ms) in any::<(Option<u64>, Option<i64>)>(),
    ) {
        survives(&JobGetReply { job: job.clone(), waiting_for, attempt_log, position, expected_at_ms })?;
        survives(&JobChangeReply { job, notes: notes.clone() })?;
        survives(&JobEdit { id, body })?;
        survives(&JobHold { id })?;
        survives(&JobRelease { id })?;
        survives(&JobRetry { id })?;
        survives(&JobBump { id })?;
        survives(&list)?;
        survives(&JobRetryFailed { reason: reason.clone(), cursor: cursor.clone() })?;
        survives(&JobRetryFailedReply { retried, next_cursor: next_cursor.clone() })?;
        survives(&AccountResume { account: reason })?;
        survives(&AccountResumeReply { notes: notes.clone() })?;
        survives(&StoreExport { cursor })?;
        survives(&StoreExportReply { lines: notes, next_cursor })?;
    }

    #[test]
    fn envelopes_survive_the_wire(
        (v, request_id) in any::<(u16, u64)>(),
        endpoint in any::<String>(),
        body in vec(any::<u8>(), 0..20_000),
        kind in select(Kind::ALL),
        error in error(),
    ) {
        survives(&error)?;
        let body = ByteBuf::from(body);
        survives(&RequestEnvelope { v, request_id, endpoint, body: body.clone() })?;
        survives(&ResponseEnvelope { v, request_id, kind, body })?;
    }

    /// However the bytes are cut on their way, the same frames come out.
    #[test]
    fn frames_survive_any_splitting(
        payloads in vec(vec(any::<u8>(), 1..3_000), 0..6),
        cuts in vec(1..2_000_usize, 1..20),
    ) {
        let mut wire = BytesMut::new();
        for payload in &payloads {
            FrameCodec::new().encode(Bytes::copy_from_slice(payload), &mut wire).unwrap();
        }
        let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
        for cut in cuts.iter().cycle() {
            if wire.is_empty() {
                break;
            }
            buffer.extend_from_slice(&wire.split_to((*cut).min(wire.len())));
            while let Some(frame) = FrameCodec::new().decode(&mut buffer).unwrap() {
                frames.push(frame.to_vec());
            }
        }
        prop_assert_eq!(frames, payloads);
        prop_assert!(buffer.is_empty());
    }

    /// The same frames, or the same error after the same frames, for any bytes
    /// at all and any cut.
    #[test]
    fn any_bytes_read_the_same_whole_and_in_pieces(
        bytes in prop_oneof![vec(any::<u8>(), 0..300), lengths_and_payloads()],
        cut in 1..40_usize,
    ) {
        prop_assert_eq!(frames(&bytes, bytes.len().max(1)), frames(&bytes, cut));
    }

    #[test]
    fn pending_is_what_decode_waits_for(bytes in lengths_and_payloads()) {
        let mut buffer = BytesMut::from(&bytes[..]);
        let pending = FrameCodec::new().pending(&buffer);
        match FrameCodec::new().decode(&mut buffer) {
            Err(_) => prop_assert!(pending.is_err()),
            Ok(Some(_)) => prop_assert_eq!(pending.unwrap(), None),
            Ok(None) if buffer.len() < 4 => prop_assert_eq!(pending.unwrap(), None),
            Ok(None) => {
                let length = u32::from_be_bytes(buffer[..4].try_into().unwrap());
                prop_assert_eq!(pending.unwrap(), Some(usize::try_from(length).unwrap()));
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..600)) {
        read_as_everything(&bytes);
    }

    /// Almost right is where readers break.
    #[test]
    fn no_damage_makes_a_reader_panic(
        reply in (job(), error(), hello_ack(), status()),
        entry in entry(),
        submit in submit(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (job, err, ack, status) = reply;
        let shown = JobGetReply {
            job: job.clone(), waiting_for: None, attempt_log: vec![entry], position: None,
            expected_at_ms: None,
        };
        let batch = JobSubmitBatch { jobs: vec![submit.clone(), submit] };
        let jobs = JobListReply { jobs: vec![job.clone(), job], next_cursor: None };
        let hello = HelloReply { ack: Some(ack), err: Some(err) };
        let messages = [
            to_bytes(&jobs), to_bytes(&hello), to_bytes(&status), to_bytes(&shown), to_bytes(&batch),
        ];
        for mut bytes in messages.map(Result::unwrap) {
            for (at, value) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            read_as_everything(&bytes);
            read_as_everything(&bytes[..cut.index(bytes.len())]);
        }
    }

    #[test]
    fn a_target_that_parses_is_named_by_its_own_text(text in "[-a-zA-Z0-9._]{1,4}/[-a-zA-Z0-9._]{1,4}#[0-9]{1,3}") {
        if let Ok(named) = text.parse::<TargetRef>() {
            let again = named.target.to_string().parse::<TargetRef>().unwrap();
            prop_assert_eq!(&again, &named);
            let url = format!("https://h/{}", named.target).replace('#', "/issues/");
            prop_assert_eq!(url.parse::<TargetRef>().unwrap().target, named.target.clone());
            let lower = named.target.lower().parse::<TargetRef>().unwrap().target;
            prop_assert_eq!(lower.lower(), named.target.lower());
            let parts = (named.target.owner.as_str(), named.target.repo.as_str());
            let number = named.target.number.get();
            prop_assert_eq!(Target::parse(parts.0, parts.1, number).unwrap(), named.target.clone());
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), url in "https?://\\PC{0,40}") {
        drop(text.parse::<TargetRef>());
        drop(url.parse::<TargetRef>());
        drop(text.parse::<JobId>());
        drop(SubmitKey::parse(text.clone()));
        drop(CommentBody::parse(text));
    }

    #[test]
    fn negotiation_finds_the_highest_common_version(ends in any::<[u8; 4]>()) {
        let [a, b, c, d] = ends.map(|end| ProtocolVersion(u16::from(end)));
        let (ours, theirs) = (VersionRange { min: a.min(b), max: a.max(b) }, VersionRange { min: c, max: d });
        let common = (0..=255).map(ProtocolVersion).filter(|v| ours.contains(*v) && theirs.contains(*v));
        prop_assert_eq!(negotiate(ours, theirs).ok(), common.max());
    }
}

/// Lengths near the limits before payloads that may be too short.
fn lengths_and_payloads() -> impl Strategy<Value = Vec<u8>> {
    let limit = u32::try_from(MAX_FRAME).unwrap();
    let length = prop_oneof![0..40_u32, limit - 1..=limit + 1, any::<u32>()];
    vec((length, vec(any::<u8>(), 0..40)), 0..5).prop_map(|parts| {
        parts
            .into_iter()
            .flat_map(|(length, payload)| [length.to_be_bytes().to_vec(), payload].concat())
            .collect()
    })
}

/// The frames in `bytes` fed `step` at a time, what is left at the end, and
/// whether it ended in an error.
fn frames(bytes: &[u8], step: usize) -> (Vec<Bytes>, bool) {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for chunk in bytes.chunks(step) {
        buffer.extend_from_slice(chunk);
        loop {
            match FrameCodec::new().decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}
