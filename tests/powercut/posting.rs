//! The power goes while comments are posted. GitHub stands outside: it keeps
//! what it was sent, and goes on with a request whose sender is dead.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::thread;
use std::time::{Duration, Instant};

use comenq_proto::{JobGet, JobState};
use harness::connection::Connection;
use harness::github::{Config, Fault, GithubStandin, Kind, Pause};
use harness::setup::Setup;
use harness::wait;

use crate::promise::{Promise, ask};
use crate::random::Random;
use crate::world::World;

const CUTS: usize = 12;
const COOLDOWN: Duration = Duration::from_secs(1);
/// What separates the daemon's own reckoning from the arrival of a request.
const SLACK: Duration = Duration::from_millis(60);

/// What the power waits for before it goes; whatever does not come is not waited
/// for beyond a time.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Nothing.
    Any,
    /// The witness of a claim is written, perhaps to the end.
    Claim,
    /// A POST is on its way.
    Post,
    /// Its comment exists, and its answer is on its way.
    Created,
    /// A client has read that a job is posted.
    Told,
    /// The daemon looks for a comment.
    Look,
}

/// In an order in which each finds something to do.
const MOMENTS: [Moment; 6] = [
    Moment::Post,
    Moment::Look,
    Moment::Claim,
    Moment::Told,
    Moment::Created,
    Moment::Any,
];

struct Story {
    standin: GithubStandin,
    world: World,
    random: Random,
    promises: Vec<Promise>,
    /// Which jobs a client was told are posted, and as which comment.
    told: BTreeMap<u64, u64>,
}

pub(crate) fn run() {
    let random = Random::seeded();
    let standin = GithubStandin::start(Config::example()).unwrap();
    let world = World::new(Setup::for_standin(&standin).unlimited());
    let mut story = Story {
        standin,
        world,
        random,
        promises: Vec::new(),
        told: BTreeMap::new(),
    };
    let mut connection = story.world.start();
    let start = Instant::now();
    for cut in 1..=CUTS {
        // More than one is always waiting.
        while story.promises.len() < story.told.len() + 3 {
            let key = format!("post-{}", story.promises.len());
            let mut promise = Promise::new(key, &mut story.random);
            promise
                .submit(&mut connection)
                .expect("a daemon with power");
            story.promises.push(promise);
        }
        let moment = story.wait_for_moment(&mut connection, cut);
        story.world.cut_power();
        connection = story.world.restore_power();
        println!(
            "cut {cut} ({moment:?}), {} posted, {:.1?}",
            story.told.len(),
            start.elapsed()
        );
        story.check(&mut connection);
    }
    story.finish(&mut connection);
    println!("done after {:.1?}", start.elapsed());
}

impl Story {
    fn wait_for_moment(&mut self, connection: &mut Connection, cut: usize) -> Moment {
        let moment = MOMENTS[cut % MOMENTS.len()];
        let deadline = Instant::now() + self.random.moment(3 * COOLDOWN);
        if matches!(moment, Moment::Claim) {
            self.wait_for_witness(deadline);
        } else {
            self.wait_for_sign(connection, moment, deadline);
        }
        if self.random.one_in(2) {
            // Not a wait for anything: the power goes when it goes.
            thread::sleep(self.random.moment(Duration::from_millis(20)));
        }
        moment
    }

    /// Without a pause, for what comes next is a matter of microseconds.
    fn wait_for_witness(&self, deadline: Instant) {
        let witness = self.world.disk.path().join("queue/witness");
        let file = || fs::metadata(&witness).ok().map(|metadata| metadata.ino());
        let before = file();
        while file() == before && Instant::now() < deadline {
            thread::yield_now();
        }
    }

    /// Waits for what shows at the stand-in or to a client.
    fn wait_for_sign(&mut self, connection: &mut Connection, moment: Moment, deadline: Instant) {
        let hold = Pause::Ms(self.random.below(300));
        match moment {
            Moment::Post => self.standin.fault(Fault::on_post().hold_before(hold)),
            Moment::Created => self.standin.fault(Fault::on_post().hold_after(hold)),
            Moment::Look => self
                .standin
                .fault(Fault::on(Kind::Listing).hold_before(hold)),
            Moment::Any | Moment::Claim | Moment::Told => {}
        }
        let before = self.seen();
        wait::until("the moment", Duration::from_secs(30), || {
            self.read_posted(connection);
            let now = self.seen();
            let come = match moment {
                Moment::Any | Moment::Claim => false,
                Moment::Post | Moment::Created => now.0 > before.0,
                Moment::Look => now.1 > before.1,
                Moment::Told => now.2 > before.2,
            };
            (come || Instant::now() >= deadline).then_some(())
        });
    }

    /// How many POSTs, looks and posted jobs were seen.
    fn seen(&self) -> (usize, usize, usize) {
        let arrived = |kind| self.standin.requests_of(kind).len();
        (arrived(Kind::Post), arrived(Kind::Listing), self.told.len())
    }

    /// Asks for every job that is not known to be posted.
    fn read_posted(&mut self, connection: &mut Connection) {
        for id in self.promises.iter().filter_map(|promise| promise.id) {
            if self.told.contains_key(&id) {
                continue;
            }
            let reply = ask(connection, &JobGet { id }).expect("a daemon with power");
            let job = reply.expect("an acknowledged job").job;
            if job.state == JobState::Posted {
                self.told
                    .insert(id, job.comment_id.expect("which comment it is"));
            }
        }
    }

    /// Every job is there, and posted if a client was told so.
    fn check(&self, connection: &mut Connection) {
        for promise in &self.promises {
            let id = promise.id.expect("an acknowledged job");
            let reply = ask(connection, &JobGet { id }).expect("a daemon with power");
            let job = reply.expect("an acknowledged job").job;
            promise.compare(&job);
            if let Some(comment) = self.told.get(&id) {
                assert_eq!(
                    (job.state, job.comment_id),
                    (JobState::Posted, Some(*comment))
                );
            }
        }
        let made: Vec<u64> = self
            .standin
            .comments()
            .iter()
            .map(|comment| comment.id)
            .collect();
        assert!(
            self.told.values().all(|comment| made.contains(comment)),
            "{:?}",
            self.told
        );
    }

    /// Everything gets posted, once, and none too early.
    fn finish(&mut self, connection: &mut Connection) {
        for promise in &self.promises {
            let id = promise.id.expect("an acknowledged job");
            let patience = Duration::from_secs(60);
            self.world
                .daemon
                .wait_longer(id, &[JobState::Posted], patience);
        }
        self.read_posted(connection);
        self.check(connection);
        let mut texts: Vec<String> = self.promises.iter().map(Promise::text).collect();
        let mut made: Vec<String> = self
            .standin
            .comments()
            .into_iter()
            .map(|comment| comment.body)
            .collect();
        texts.sort();
        made.sort();
        // Without the texts, which may be long.
        let key = |text: &String| text.lines().next().unwrap_or_default().to_owned();
        let keys: Vec<String> = made.iter().map(key).collect();
        assert!(texts == made, "GitHub holds {keys:?}");
        for pair in self.standin.requests_of(Kind::Post).windows(2) {
            let gap = pair[1].at.duration_since(pair[0].at);
            assert!(gap + SLACK >= COOLDOWN, "two POSTs {gap:?} apart");
        }
    }
}
