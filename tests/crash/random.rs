//! Random moments: clients submit, GitHub fails now and then, and the daemon is
//! killed again and again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::github::{Answer, Config, Fault, GithubStandin, Kind, Pause, Refusal};
use harness::setup::Setup;

use crate::ledger::{Entry, judge};

const COOLDOWN: Duration = Duration::from_secs(1);
const CLIENTS: usize = 3;
const JOBS_EACH: usize = 8;
const KILLING: Duration = Duration::from_secs(25);

/// xorshift64*: small, and the same everywhere for one seed.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let given = std::env::var("COMENQ_CRASH_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let seed = given.unwrap_or(now);
        println!("COMENQ_CRASH_SEED={seed}");
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One for a thread of its own, which must not share ours.
    fn fork(&mut self) -> Self {
        Self(self.below(u64::MAX) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// An accident that a POST or a look may meet. Late creations stay within the
/// look delay: what comes later than that nobody can know.
fn accident(random: &mut Random) -> Fault {
    let post = Fault::on_post();
    match random.below(9) {
        0 => post.answer(Answer::Close),
        1 => post.without_creating().answer(Answer::Close),
        2 => post.answer(Answer::Reset),
        3 => post.answer(Answer::Refuse(Refusal::BadGateway)),
        4 => post
            .without_creating()
            .answer(Answer::Refuse(Refusal::ServerError)),
        5 => post.hold_before(Pause::Ms(random.below(300))),
        6 => post.hold_after(Pause::Ms(random.below(500))),
        7 => Fault::on(Kind::Listing).answer(Answer::Close),
        _ => Fault::on(Kind::Listing).hold_before(Pause::Ms(random.below(300))),
    }
}

/// Submits one comment after the other, each until it is acknowledged.
fn client(number: usize, mut random: Random, socket: &Path, stop: &AtomicBool) -> Vec<Entry> {
    let mut entries = Vec::new();
    for job in 0..JOBS_EACH {
        let target = format!("octo/demo#{}", (number * JOBS_EACH + job) % 9 + 1);
        let mut entry = Entry::new(&target, &format!("client-{number}-job-{job}"));
        while entry.id.is_none() && !stop.load(Ordering::SeqCst) {
            // Not a wait for anything: clients come when they come.
            std::thread::sleep(Duration::from_millis(random.below(2_000)));
            entry.submit(socket);
        }
        entries.push(entry);
    }
    entries
}

#[test]
fn killed_at_random() {
    let mut random = Random::seeded();
    let standin = GithubStandin::start(Config::example()).unwrap();
    let mut daemon = Setup::for_standin(&standin).unlimited().start();
    let socket = daemon.socket();
    let stop = AtomicBool::new(false);
    let mut kills = 0;
    let entries: Vec<Entry> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (random, socket, stop) = (random.fork(), &socket, &stop);
                scope.spawn(move || client(number, random, socket, stop))
            })
            .collect();
        let start = Instant::now();
        while start.elapsed() < KILLING {
            if random.below(2) == 0 {
                standin.fault(accident(&mut random));
            }
            std::thread::sleep(Duration::from_millis(random.below(1_500)));
            daemon.kill9();
            kills += 1;
            daemon.spawn();
            if random.below(4) > 0 {
                daemon.wait_ready();
            }
        }
        stop.store(true, Ordering::SeqCst);
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    daemon.kill9();
    daemon.start_again();
    let acknowledged = entries.iter().filter(|entry| entry.id.is_some()).count();
    println!(
        "{kills} kills, {acknowledged} of {} acknowledged",
        entries.len()
    );
    judge(&standin, &daemon, entries, COOLDOWN);
}
