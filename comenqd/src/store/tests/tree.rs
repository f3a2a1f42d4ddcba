//! Entries in blocks are what entries one by one would be.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::store::record::Meta;
use crate::store::tree::Tree;
use crate::store::txn::{Change, Entry};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

struct Rig {
    sled: sled::Db,
    tree: Tree,
    _dir: TempDir,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = sled::Config::new().path(dir.path()).flush_every_ms(None);
        let sled = config.open().unwrap();
        let tree = Tree::of_format(&sled, format::FORMAT);
        Self {
            sled,
            tree,
            _dir: dir,
        }
    }

    fn commit(&self, changes: &BTreeMap<Vec<u8>, Change>) {
        let batch = self.tree.batch(changes.clone(), &meta()).unwrap();
        self.sled.apply_batch(batch).unwrap();
    }

    fn blocks(&self) -> Vec<(Vec<u8>, Vec<Entry>)> {
        let stored = self.tree.stored(Bound::Unbounded).map(Result::unwrap);
        let stored = stored.filter(|(key, _)| key != keys::META);
        let open = |(key, block): (sled::IVec, sled::IVec)| {
            let entries = self.tree.open(&key, &block).unwrap();
            (key.to_vec(), entries)
        };
        stored.map(open).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        let blocks = self.blocks().into_iter();
        blocks.flat_map(|(_, entries)| entries).collect()
    }
}

fn meta() -> Meta {
    Meta {
        format: format::FORMAT,
        store: 1,
        machine: None,
        last_job: 0,
        sequence: 0,
        turns: 0,
        bumps: 0,
        jobs: 0,
        finished: 0,
        body_bytes: 0,
        restored_up_to: 0,
        incomplete: false,
    }
}

/// Few keys, so that they meet; among them the kind alone and one that holds 255.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec![b'a', b'b', b't', u8::MAX]);
    let rest = prop_oneof![
        1 => Just(Vec::new()),
        1 => Just(vec![u8::MAX]),
        20 => (0_u16..400).prop_map(|number| format!("{number:03}").into_bytes()),
    ];
    (kind, rest).prop_map(|(kind, rest)| [vec![kind], rest].concat())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0_usize..300).prop_map(|len| Some(vec![7; len])),
        1 => (4000_usize..4300).prop_map(|len| Some(vec![8; len])),
        4 => Just(None),
    ]
}

fn groups() -> impl Strategy<Value = Vec<BTreeMap<Vec<u8>, Change>>> {
    prop::collection::vec(prop::collection::btree_map(key(), change(), 1..60), 1..12)
}

fn agree(rig: &Rig, model: &Model, at: &[u8]) {
    let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
    assert_eq!(rig.tree.get(at).unwrap(), model.get(at).cloned());
    let prefix = &at[..1];
    let of_kind = |found: &Entry| found.0.starts_with(prefix);
    for from in [Bound::Included(at.to_vec()), Bound::Excluded(at.to_vec())] {
        let expected = model.range((from.clone(), Bound::Unbounded)).next();
        let found = rig.tree.next(prefix, &from).unwrap();
        assert_eq!(found, expected.map(entry).filter(of_kind), "from {from:?}");
    }
    for to in [Bound::Excluded(at.to_vec()), Bound::Unbounded] {
        let range = (Bound::Included(prefix.to_vec()), to.clone());
        if to == Bound::Unbounded && at[0] != u8::MAX || at.len() == 1 {
            continue;
        }
        let expected = model.range(range).next_back();
        let found = rig.tree.previous(prefix, &to).unwrap();
        assert_eq!(found, expected.map(entry).filter(of_kind), "to {to:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn blocks_hold_what_was_put_into_them(groups in groups(), asked in prop::collection::vec(key(), 30)) {
        let (rig, mut model) = (Rig::new(), Model::new());
        for group in groups {
            for (key, change) in group.clone() {
                match change {
                    Some(value) => model.insert(key, value),
                    None => model.remove(&key),
                };
            }
            rig.commit(&group);
            assert_eq!(rig.entries(), model.clone().into_iter().collect::<Vec<_>>());
            for key in &asked {
                agree(&rig, &model, key);
            }
            for (fence, entries) in rig.blocks() {
                assert!(!entries.is_empty());
                assert!(entries.iter().all(|(key, _)| *key >= fence && key[0] == fence[0]));
            }
        }
    }
}

fn numbered(numbers: impl Iterator<Item = u32>, value: Option<&[u8]>) -> BTreeMap<Vec<u8>, Change> {
    let key = |number: u32| [b"t".to_vec(), number.to_be_bytes().to_vec()].concat();
    let value = value.map(<[u8]>::to_vec);
    numbers.map(|number| (key(number), value.clone())).collect()
}

#[test]
fn what_grows_at_its_end_fills_its_blocks() {
    let rig = Rig::new();
    for number in 0..1000 {
        rig.commit(&numbered(number..=number, Some(&[7; 20])));
    }
    let count = rig.blocks().len();
    assert!(count <= 1000 * 30 / 512 + 1, "{count} blocks");
}

#[test]
fn what_is_left_of_many_entries_is_no_chain_of_crumbs() {
    let rig = Rig::new();
    rig.commit(&numbered(0..4000, Some(&[7; 20])));
    let full = rig.blocks().len();
    for number in (0..4000).filter(|number| number % 20 != 0) {
        rig.commit(&numbered(number..=number, None));
    }
    let left = rig.blocks();
    let entries: usize = left.iter().map(|(_, entries)| entries.len()).sum();
    assert_eq!(entries, 200);
    assert!(left.len() <= full / 4, "{} of {full} blocks", left.len());
}

#[test]
fn a_block_that_cannot_be_read_fails_those_who_need_it_and_nobody_else() {
    let rig = Rig::new();
    rig.commit(&numbered(0..200, Some(&[7; 20])));
    let (fence, _) = rig.blocks().remove(1);
    let bad = rig.sled.get(&fence).unwrap().unwrap();
    rig.sled.insert(&fence, &bad[..bad.len() - 1]).unwrap();
    let key = |number: u32| numbered(number..=number, None).into_keys().next().unwrap();
    assert!(rig.tree.probe(&key(0)).is_ok());
    assert!(rig.tree.get(&key(0)).unwrap().is_some());
    let inside = [fence, vec![0]].concat();
    assert!(matches!(
        rig.tree.probe(&inside),
        Err(StoreError::Damaged(_))
    ));
    assert!(matches!(rig.tree.get(&inside), Err(StoreError::Damaged(_))));
    assert!(rig.tree.get(&key(199)).unwrap().is_some());
}

#[test]
fn what_lies_beside_damage_is_found_without_it() {
    let rig = Rig::new();
    rig.commit(&numbered(0..200, Some(&[7; 20])));
    let (fence, _) = rig.blocks().remove(1);
    let bad = rig.sled.get(&fence).unwrap().unwrap();
    rig.sled.insert(&fence, &bad[..bad.len() - 1]).unwrap();
    let first_behind = u32::from_be_bytes(fence[1..].try_into().unwrap());
    // The last entry before it: nothing behind it begins alike.
    let key = numbered(first_behind - 1..first_behind, None);
    let key = key.into_keys().next().unwrap();
    let after = Bound::Excluded(key.clone());
    assert_eq!(rig.tree.next(&key, &after).unwrap(), None);
    let found: Vec<_> = rig.tree.scan(&key).map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
}
