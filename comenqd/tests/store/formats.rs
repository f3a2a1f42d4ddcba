//! Stores that older daemons wrote: each must open for ever, with everything in it.

use std::fs;
use std::path::Path;

use comenq_proto::{SubmitKey, Target};
use comenqd::store::{self, Job, State};
use serde_json::Value;

use crate::support::{current, fixture_of, fixture_path, insert, job, jobs, open, raw, try_open};

/// Every format there was, today's too.
const FORMATS: [u32; 3] = [1, 2, 3];

/// What the daemon that wrote a store told of its jobs.
fn told(format: u32) -> Vec<Value> {
    let text = fs::read_to_string(fixture_path(&format!("store-format-{format}.json")));
    let told: Value = serde_json::from_str(&text.unwrap()).unwrap();
    told["jobs"].as_array().unwrap().clone()
}

fn text<'a>(told: &'a Value, field: &str) -> Option<&'a str> {
    told.get(field).and_then(Value::as_str)
}

fn number(told: &Value, field: &str) -> Option<i64> {
    told.get(field).and_then(Value::as_i64)
}

/// A crash while it was being posted is what the store of the fixture ended with.
fn state_after(told: &str) -> &str {
    if told == "posting" { "uncertain" } else { told }
}

fn compare(job: &Job, body: &str, told: &Value) {
    let id = job.id;
    let state = text(told, "state").map(state_after);
    assert_eq!(Some(job.state.as_str()), state, "#{id}");
    assert_eq!(Some(body), text(told, "body"), "#{id}");
    assert_eq!(Some(i64::from(job.uid)), number(told, "uid"), "#{id}");
    assert_eq!(Some(job.account.as_str()), text(told, "account"), "#{id}");
    assert_eq!(
        Some(job.target.owner.as_str()),
        text(told, "owner"),
        "#{id}"
    );
    assert_eq!(
        Some(i64::from(job.priority)),
        number(told, "priority"),
        "#{id}"
    );
    assert_eq!(
        job.comment_url.as_deref(),
        text(told, "comment_url"),
        "#{id}"
    );
    assert_eq!(job.submit_key.as_deref(), text(told, "key"), "#{id}");
    assert_eq!(
        job.replace_key.as_deref(),
        text(told, "replace_key"),
        "#{id}"
    );
    let expires = text(told, "expires_at").is_some();
    assert_eq!(job.expiry.is_some(), expires, "#{id}");
}

#[tokio::test]
async fn a_store_of_each_format_opens_with_everything_in_it() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let queue = fixture_of(format, directory.path());
        let found = open(&queue).await;
        let (told, now) = (told(format), jobs(&found).await);
        assert_eq!(now.len(), told.len(), "format {format}");
        for told in &told {
            let id = number(told, "id").unwrap();
            let of_id = |(job, _): &&(Job, String)| job.id.get() == id.cast_unsigned();
            let (job, body) = now.iter().find(of_id).unwrap();
            compare(job, body, told);
        }
        found.close().await.unwrap();
        let report = store::check(&queue).unwrap();
        assert_eq!(report.faults, [""; 0], "format {format}");
        assert_eq!(report.format, 3);
        let name = if format < 3 { "store-2" } else { "store-1" };
        assert_eq!(current(&queue), name, "format {format}");
    }
}

#[tokio::test]
async fn a_submission_that_an_older_daemon_took_is_still_known() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&fixture_of(format, directory.path())).await;
        for told in told(format) {
            let uid = u32::try_from(number(&told, "uid").unwrap()).unwrap();
            let part = |field| text(&told, field).unwrap();
            let issue = number(&told, "number").unwrap().cast_unsigned();
            let mut again = job(uid, issue, part("body"));
            again.target = Target::parse(part("owner"), part("repo"), issue).unwrap();
            again.key = Some(SubmitKey::parse(part("key")).unwrap());
            let found = insert(&store, again).await;
            assert!(found.duplicate, "format {format}: {}", found.job.id);
            let id = number(&told, "id").unwrap().cast_unsigned();
            assert_eq!(found.job.id.get(), id, "format {format}");
            assert_ne!(found.job.state, State::Posting);
        }
        store.close().await.unwrap();
    }
}

/// Adds `change` to the format that a closed store says it has.
fn change_format(queue: &Path, change: i8) {
    let db = raw(queue, &current(queue));
    let sealed = db.get("m").unwrap().unwrap();
    // Version and checksum come first; a small number is one byte of CBOR.
    let mut payload = sealed[5..].to_vec();
    let name = payload.windows(6).position(|text| text == b"format");
    let format = &mut payload[name.unwrap() + 6];
    *format = format.checked_add_signed(change).unwrap();
    let checksum = crc32fast::hash(&[&b"m"[..], &payload].concat());
    let sealed = [&sealed[..1], &checksum.to_be_bytes(), &payload].concat();
    db.insert("m", sealed).unwrap();
    db.flush().unwrap();
}

#[tokio::test]
async fn a_store_of_a_later_daemon_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let queue = fixture_of(3, directory.path());
    open(&queue).await.close().await.unwrap();
    change_format(&queue, 1);
    let error = try_open(&queue).await.err().unwrap().to_string();
    let refusal = "has format 4, this comenqd reads 1 to 3: install the comenqd that wrote it";
    assert!(error.contains(refusal), "{error}");
    // Back in the hands of the daemon that wrote it, everything is there.
    change_format(&queue, -1);
    let store = open(&queue).await;
    assert_eq!(jobs(&store).await.len(), told(3).len());
    store.close().await.unwrap();
}
