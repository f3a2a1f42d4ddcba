//! Cut after cut over one store, under load: at any moment, soon after a crash,
//! and while the daemon starts.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::connection::Connection;
use harness::setup::{Setup, Token};

use crate::clients::{Client, check_all, list, owners};
use crate::random::Random;
use crate::world::World;

const CUTS: usize = 20;
const CLIENTS: usize = 4;
/// The longest time under load.
const LOAD: Duration = Duration::from_millis(400);
/// Longer than a start takes.
const START: Duration = Duration::from_millis(80);

/// How one round ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The power goes under load.
    Cut,
    /// The same, but the process lives on to find its disk gone.
    CutAlone,
    /// The daemon is killed; the next one has hardly told what it found when
    /// the power goes: what it tells must be durable by then.
    KillThenCut,
    /// The power goes while the daemon starts.
    CutAtStart,
}

const ENDS: [End; 6] = [
    End::Cut,
    End::KillThenCut,
    End::CutAtStart,
    End::Cut,
    End::KillThenCut,
    End::CutAlone,
];

/// Nothing is posted here: without a token there is nothing to wait for.
pub(crate) fn run() {
    let mut random = Random::seeded();
    let mut world = World::new(
        Setup::new("http://127.0.0.1:9")
            .unlimited()
            .token(Token::Absent),
    );
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|number| Client::new(format!("client{number}"), random.fork()))
        .collect();
    drop(world.start());
    let start = Instant::now();
    for cut in 1..=CUTS {
        let end = ENDS[cut % ENDS.len()];
        let told = round(&mut world, &mut clients, &mut random, end);
        check(&mut world, &mut clients, &told);
        let acknowledged: usize = clients.iter().map(Client::acknowledged).sum();
        println!(
            "cut {cut} ({end:?}), {acknowledged} jobs, {:.1?}",
            start.elapsed()
        );
    }
    check_all(&mut clients, &mut world.daemon.connect());
    assert!(
        owners(&clients).len() > 200,
        "too few jobs to prove anything"
    );
}

/// Loads the daemon until the power goes; returns which jobs a list showed just
/// before.
fn round(
    world: &mut World,
    clients: &mut [Client],
    random: &mut Random,
    end: End,
) -> BTreeSet<u64> {
    let moment = random.moment(LOAD);
    match end {
        End::Cut => load(world, clients, moment, World::cut_power),
        End::CutAlone => load(world, clients, moment, |world| {
            world.disk.cut_power();
            let status = world.daemon.wait_exit();
            assert!(!status.success(), "without a disk it ended with {status}");
        }),
        End::KillThenCut => {
            load(world, clients, moment, |world| world.daemon.kill9());
            let mut connection = world.start();
            if random.one_in(2) {
                ask_again(clients, &mut connection);
            }
            let told = ids(&mut connection);
            world.cut_power();
            return told;
        }
        End::CutAtStart => {
            world.daemon.kill9();
            world.daemon.spawn();
            load(world, clients, random.moment(START), World::cut_power);
        }
    }
    BTreeSet::new()
}

/// Clients at work for a time, up to the end of the daemon.
fn load(world: &mut World, clients: &mut [Client], time: Duration, end: impl FnOnce(&mut World)) {
    let over = AtomicBool::new(false);
    let socket = world.daemon.socket();
    thread::scope(|scope| {
        for client in clients {
            let (socket, over) = (&socket, &over);
            scope.spawn(move || client.work(socket, over));
        }
        // Not a wait for anything: the power goes when it goes.
        thread::sleep(time);
        over.store(true, Ordering::SeqCst);
        end(world);
    });
}

/// The power is back, and every promise is kept.
fn check(world: &mut World, clients: &mut [Client], told: &BTreeSet<u64>) {
    let mut connection = world.restore_power();
    if !told.is_empty() {
        let found = ids(&mut connection);
        let lost: Vec<&u64> = told.difference(&found).collect();
        assert!(
            lost.is_empty(),
            "a list showed {lost:?} after a crash, now they are gone"
        );
    }
    for client in &mut *clients {
        client.check(&mut connection).expect("a daemon with power");
    }
    ask_again(clients, &mut connection);
    let ids = owners(clients).len();
    let counts = world.daemon.status().counts;
    assert_eq!(counts.values().sum::<u64>(), ids as u64, "{counts:?}");
}

fn ask_again(clients: &mut [Client], connection: &mut Connection) {
    for client in clients {
        client.ask_again(connection).expect("a daemon with power");
    }
}

fn ids(connection: &mut Connection) -> BTreeSet<u64> {
    list(connection, false).iter().map(|job| job.id).collect()
}
