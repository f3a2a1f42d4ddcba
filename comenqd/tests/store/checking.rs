//! What `check` says of a store that is whole, and of one that somebody has had in
//! hand.

use std::path::Path;

use comenqd::store::{self, Report};

use crate::support::{current, entries, fixture, insert, job, open, raw, set};

async fn some_queue(directory: &Path) -> std::path::PathBuf {
    let queue = fixture(directory);
    let store = open(&queue).await;
    let mut keyed = job(12_001, 7, &"a text of several chunks\n".repeat(400));
    keyed.key = Some(comenq_proto::SubmitKey::parse("keyed").unwrap());
    keyed.replace_key = Some(comenq_proto::SubmitKey::parse("replaced").unwrap());
    keyed.not_before = Some(crate::support::NOW);
    insert(&store, keyed).await;
    store.close().await.unwrap();
    queue
}

fn check(queue: &Path) -> Report {
    store::check(queue).unwrap()
}

#[tokio::test]
async fn a_whole_store_has_no_faults() {
    let directory = tempfile::tempdir().unwrap();
    let queue = fixture(directory.path());
    let old = check(&queue);
    assert_eq!((old.format, old.faults.as_slice()), (1, &[][..]));
    assert_eq!((old.unfinished, old.finished), (12, 10));
    let directory = tempfile::tempdir().unwrap();
    let report = check(&some_queue(directory.path()).await);
    assert_eq!((report.format, report.faults.as_slice()), (3, &[][..]));
    assert_eq!((report.unfinished, report.finished), (13, 10));
}

#[tokio::test]
async fn a_store_in_use_is_not_checked() {
    let directory = tempfile::tempdir().unwrap();
    let queue = fixture(directory.path());
    let store = open(&queue).await;
    let error = store::check(&queue).unwrap_err().to_string();
    assert!(error.contains("in use by process"), "{error}");
    assert!(
        error.contains("systemctl stop comenqd.service comenq.socket"),
        "{error}"
    );
    store.close().await.unwrap();
    let missing = store::check(&directory.path().join("elsewhere")).unwrap_err();
    assert!(
        missing.to_string().contains("there is no queue"),
        "{missing}"
    );
    assert!(!directory.path().join("elsewhere").exists());
}

/// Damages one entry of each kind that is there, in three ways, and expects `check` to find it.
#[tokio::test]
async fn every_entry_that_is_lost_or_strange_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    let db = || raw(&queue, &current(&queue));
    let change = |key: &[u8], value: Option<&[u8]>| {
        set(&db(), key, value);
        check(&queue).faults
    };
    let entries = entries(&db());
    let mut kinds: Vec<u8> = entries.keys().map(|key| key[0]).collect();
    kinds.dedup();
    // What is lost of these is not missed by anything else: they are only more comfortable.
    let forgotten = b"yipB";
    let mut checked = 0;
    for kind in kinds.into_iter().filter(|kind| *kind != b'm') {
        let of_kind = || entries.iter().filter(|(key, _)| key[0] == kind);
        for (key, value) in of_kind().take(3) {
            let name = String::from_utf8_lossy(key);
            let lost = change(key, None);
            assert!(
                forgotten.contains(&kind) || !lost.is_empty(),
                "{name} was removed"
            );
            let strange = [value.as_slice(), &[1]].concat();
            assert!(
                !change(key, Some(&strange)).is_empty(),
                "{name} was changed"
            );
            assert_eq!(change(key, Some(value)), [""; 0], "{name} is back");
            let mut stray = key.clone();
            *stray.last_mut().unwrap() ^= 0x40;
            if !entries.contains_key(&stray) {
                let faults = change(&stray, Some(value));
                assert!(
                    forgotten.contains(&kind) || !faults.is_empty(),
                    "a stray beside {name}"
                );
                change(&stray, None);
            }
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

#[tokio::test]
async fn a_block_that_cannot_be_read_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    let db = || raw(&queue, &current(&queue));
    let blocks: Vec<_> = db().iter().map(Result::unwrap).collect();
    for (fence, block) in blocks.iter().filter(|(fence, _)| fence.as_ref() != b"m") {
        let mut damaged = block.to_vec();
        *damaged.last_mut().unwrap() ^= 1;
        db().insert(fence, damaged).unwrap();
        let faults = check(&queue).faults.join("\n");
        assert!(
            faults.contains("its checksum does not match"),
            "{fence:?}: {faults}"
        );
        db().insert(fence, block).unwrap();
    }
    assert_eq!(check(&queue).faults, [""; 0]);
}

#[tokio::test]
async fn an_unknown_kind_and_a_wrong_count_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let queue = some_queue(directory.path()).await;
    set(&raw(&queue, &current(&queue)), b"?x\xff", Some(b""));
    assert_eq!(
        check(&queue).faults,
        ["entry ? x<ff>: no such kind of entry is known"]
    );
}
