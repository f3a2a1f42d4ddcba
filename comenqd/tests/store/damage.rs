//! Files that a disk has damaged. Whatever comes of it: an unfinished job that was
//! acknowledged never vanishes without a word, and one that was posted never waits
//! to be posted again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use comenqd::store::{Recovery, State, Store};

use crate::support::{self, damaged_ids, job, jobs, try_open};

const PLACES: u32 = 200;

/// xorshift: the same damage for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let given = std::env::var("COMENQ_DAMAGE_SEED").ok();
        let seed = given.map_or_else(
            || {
                let now = std::time::SystemTime::now();
                now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
            },
            |text| text.parse().expect("COMENQ_DAMAGE_SEED is a number"),
        );
        println!("COMENQ_DAMAGE_SEED={seed}");
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

/// What was acknowledged.
struct Truth {
    queue: PathBuf,
    jobs: BTreeMap<u64, (State, String)>,
    _directory: tempfile::TempDir,
}

/// A closed store with jobs in every state.
async fn truth() -> Truth {
    let directory = tempfile::tempdir().unwrap();
    let queue = support::fixture(directory.path());
    let (store, _) = try_open(&queue).await.unwrap();
    // Enough for several of sled's segments: damage to an old one does not show in the newest.
    for number in 0..20 {
        let fillers = (0..100).map(|filler| {
            let lines = usize::try_from(filler % 7).unwrap() * 30 + 1;
            let text = format!("filler {number}.{filler}\n").repeat(lines);
            job(1, filler % 5 + 1, &text)
        });
        store.insert_all(fillers.collect()).await.unwrap();
    }
    let jobs = jobs(&store).await.into_iter();
    let jobs = jobs
        .map(|(job, text)| (job.id.get(), (job.state, text)))
        .collect();
    store.close().await.unwrap();
    // Beside the store, it says nothing.
    fs::remove_file(queue.join("reserve")).ok();
    Truth {
        queue,
        jobs,
        _directory: directory,
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files of a queue, relative to it.
fn files(queue: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![queue.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().unwrap() != "lock" {
                found.push(path.strip_prefix(queue).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[derive(Debug, Default)]
struct Tally {
    refused: u32,
    told: u32,
    unharmed: u32,
}

/// Opens a damaged queue and judges what it shows.
async fn judge(queue: &Path, truth: &Truth, what: &str, tally: &mut Tally) {
    let (store, recovery) = match try_open(queue).await {
        Ok(opened) => opened,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty(), "{what}");
            tally.refused += 1;
            return;
        }
    };
    let told = look(&store, &recovery, truth, what).await;
    // A store that fails later has told as well.
    drop(store.close().await);
    if told {
        tally.told += 1;
    } else {
        tally.unharmed += 1;
    }
}

async fn look(store: &Store, recovery: &Recovery, truth: &Truth, what: &str) -> bool {
    let Ok((found, mut damaged)) = damaged_ids(store).await else {
        return true;
    };
    damaged.extend(recovery.unresolved.damaged.iter().map(|(id, _)| id.get()));
    for (id, (state, text)) in &truth.jobs {
        let now = found.get(id);
        if *state == State::Posted {
            assert!(
                now.is_none_or(|(now, _)| *now == State::Posted),
                "{what}: #{id} was posted and is {now:?}"
            );
        }
        if !state.is_finished() && !damaged.contains(id) {
            assert!(now.is_some(), "{what}: #{id} ({state:?}) vanished");
        }
        if let Some((_, now)) = now {
            assert_eq!(now, text, "{what}: #{id} has another text");
        }
    }
    !damaged.is_empty()
}

fn flip(path: &Path, place: u64, bit: u64) {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(place)).unwrap();
    file.read_exact(&mut byte).unwrap();
    byte[0] ^= 1 << bit;
    file.seek(SeekFrom::Start(place)).unwrap();
    file.write_all(&byte).unwrap();
}

#[tokio::test]
async fn at_random_places_nothing_is_lost_in_silence() {
    let truth = truth().await;
    let files = files(&truth.queue);
    let lengths: Vec<u64> = files
        .iter()
        .map(|file| fs::metadata(truth.queue.join(file)).unwrap().len())
        .collect();
    let total: u64 = lengths.iter().sum();
    let mut random = Random::seeded();
    let mut tally = Tally::default();
    let whole = tempfile::tempdir().unwrap();
    copy(&truth.queue, &whole.path().join("queue"));
    judge(&whole.path().join("queue"), &truth, "undamaged", &mut tally).await;
    assert_eq!(tally.unharmed, 1, "{tally:?}");
    let began = Instant::now();
    for number in 0..PLACES {
        let directory = tempfile::tempdir().unwrap();
        let queue = directory.path().join("queue");
        copy(&truth.queue, &queue);
        // Half of them anywhere, half of them in one of the files, the small ones too.
        let mut place = random.below(total);
        let mut index = usize::try_from(random.below(files.len() as u64)).unwrap();
        if number % 2 == 0 {
            index = 0;
            while place >= lengths[index] {
                place -= lengths[index];
                index += 1;
            }
        } else {
            place = random.below(lengths[index]);
        }
        let path = queue.join(&files[index]);
        let what = if number % 3 == 0 {
            OpenOptions::new()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(place)
                .unwrap();
            format!("{} cut to {place}", files[index].display())
        } else {
            let bit = random.below(8);
            flip(&path, place, bit);
            format!(
                "{} bit {bit} of byte {place} flipped",
                files[index].display()
            )
        };
        judge(&queue, &truth, &what, &mut tally).await;
    }
    println!("{PLACES} places in {:?}: {tally:?}", began.elapsed());
    assert!(tally.refused > 0, "{tally:?}");
}

#[tokio::test]
async fn without_any_of_its_files_nothing_is_lost_in_silence() {
    let truth = truth().await;
    for file in files(&truth.queue) {
        let directory = tempfile::tempdir().unwrap();
        let queue = directory.path().join("queue");
        copy(&truth.queue, &queue);
        fs::remove_file(queue.join(&file)).unwrap();
        let mut tally = Tally::default();
        judge(
            &queue,
            &truth,
            &format!("without {}", file.display()),
            &mut tally,
        )
        .await;
        println!("without {}: {tally:?}", file.display());
        drop(File::open(&queue));
    }
}
