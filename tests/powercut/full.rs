//! The disk is full: what was acknowledged stays, what is refused is refused
//! clearly, and with space again everything goes on.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use comenq_proto::ErrorCode;
use harness::connection::Connection;
use harness::daemon::Daemon;
use harness::setup::{Setup, Token};
use harness::wait;

use crate::promise::Promise;
use crate::random::Random;
use crate::world::World;

/// The smallest on which ext4 makes a journal, and some.
const MEGABYTES: u64 = 16;
/// What is freed in the end: enough for the store to open and to go on.
const BALLAST_BYTES: usize = 4 << 20;
/// What the kernel calls it.
const NO_SPACE: &str = "No space left on device";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run() {
    let mut random = Random::seeded();
    let setup = Setup::new("http://127.0.0.1:9").token(Token::Absent);
    let mut world = World::sized(setup, MEGABYTES);
    let ballast = world.disk.path().join("ballast");
    fill(&ballast);
    let mut connection = world.start();
    let mut promises = submit_until_refused(&mut connection, &mut random);
    println!("{} jobs were taken", promises.len() - 1);
    let status = world.daemon.wait_exit();
    assert!(!status.success(), "on a full disk it ended with {status}");
    let log = world.daemon.log();
    let why = log.lines().rfind(|line| line.contains(" ERROR "));
    assert!(why.is_some_and(|line| line.contains(NO_SPACE)), "{why:?}");

    world.disk.cut_power();
    world.disk.restore_power();
    world.daemon.start_again();
    refused_again(&world.daemon, &promises[0]);
    fs::remove_file(&ballast).unwrap();
    wait::until("the store to be opened", PATIENCE, || {
        world.daemon.status().store.ok.then_some(())
    });
    check(&mut promises, &mut world.daemon.connect());
    world.cut_power();
    check(&mut promises, &mut world.restore_power());
}

/// A start on the full disk: there may be room to open the store, but where there
/// is none everybody is told.
fn refused_again(daemon: &Daemon, promise: &Promise) {
    let store = daemon.status().store;
    println!("started on the full disk: {store:?}");
    let Some(reason) = store.reason else {
        assert!(store.ok);
        return;
    };
    assert!(!store.ok && reason.contains(NO_SPACE), "{reason}");
    let answer = daemon.connect().call(&promise.request());
    let error = answer.expect("an answer").expect_err("no store to take it");
    assert_eq!(error.code, ErrorCode::StoreUnavailable, "{error:?}");
    assert!(error.message.contains(NO_SPACE), "{error:?}");
    let words = ["post", "--timeout", "1s", "octo/demo#1", "in vain"];
    let done = daemon.cli(&words).run();
    assert!(done.code == 1 && done.stderr.contains(NO_SPACE), "{done:?}");
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    file.write_all(&vec![7; BALLAST_BYTES]).unwrap();
    file.sync_all().unwrap();
}

/// The last one is not acknowledged.
fn submit_until_refused(connection: &mut Connection, random: &mut Random) -> Vec<Promise> {
    let mut promises = Vec::new();
    for number in 0..10_000 {
        let mut promise = Promise::new(format!("full-{number}"), random);
        let answer = connection
            .call(&promise.request())
            .expect("an answer on a full disk");
        let refused = answer.is_err();
        match answer {
            Ok(reply) => promise.id = Some(reply.job.id),
            Err(error) => {
                println!("{error:?}");
                assert_eq!(
                    (error.code, error.retryable),
                    (ErrorCode::CommitFailed, true)
                );
                assert!(error.message.contains(NO_SPACE), "{error:?}");
            }
        }
        promises.push(promise);
        if refused {
            return promises;
        }
    }
    panic!("the disk does not fill");
}

fn check(promises: &mut [Promise], connection: &mut Connection) {
    for promise in promises {
        promise.check(connection).expect("a daemon with space");
        promise.submit(connection).expect("a daemon with space");
        promise.check(connection).expect("a daemon with space");
    }
}
