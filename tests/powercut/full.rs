//! The disk fills up, and is filled by others: what was acknowledged stays, what is
//! refused is refused clearly, the daemon starts all the same, and with space again
//! everything goes on.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use comenq_proto::{ErrorCode, JobBump};
use harness::connection::Connection;
use harness::setup::{Setup, Token};
use harness::wait;

use crate::promise::Promise;
use crate::random::Random;
use crate::world::World;

/// The smallest on which ext4 makes a journal, and some.
const MEGABYTES: u64 = 16;
/// What is freed in the end, beside what others took: enough for a new reserve.
const BALLAST_BYTES: usize = 4 << 20;
/// What the kernel calls it.
const NO_SPACE: &str = "No space left on device";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run() {
    let mut random = Random::seeded();
    let setup = Setup::new("http://127.0.0.1:9")
        .token(Token::Absent)
        .unlimited();
    let mut world = World::sized(setup, MEGABYTES);
    let ballast = world.disk.path().join("ballast");
    fs::write(&ballast, vec![7; BALLAST_BYTES]).unwrap();
    let mut connection = world.start();
    let reserve = world.disk.path().join("queue/reserve");
    wait::until("the reserve", PATIENCE, || reserve.exists().then_some(()));
    let mut promises = submit_until_refused(&mut connection, &mut random);
    let refused = promises.pop().expect("the last one");
    println!("{} jobs were taken", promises.len());
    check(&mut promises, &mut connection);

    let others = world.disk.path().join("others");
    fill(&others);
    change_until_refused(&mut connection, &promises);
    let status = world.daemon.wait_exit();
    assert!(!status.success(), "on a full disk it ended with {status}");
    let log = world.daemon.log();
    let why = log.lines().rfind(|line| line.contains(" ERROR "));
    assert!(why.is_some_and(|line| line.contains(NO_SPACE)), "{why:?}");

    world.disk.cut_power();
    // The reserve makes room to start, and to go on with what was taken.
    let mut connection = world.restore_power();
    assert!(!reserve.exists());
    check(&mut promises, &mut connection);
    refuse(&mut connection, &refused);
    world.cut_power();
    check(&mut promises, &mut world.restore_power());

    fs::remove_file(&others).unwrap();
    fs::remove_file(&ballast).unwrap();
    wait::until("jobs to be taken", PATIENCE, || {
        let mut connection = world.daemon.connect();
        let answer = connection.call(&refused.request()).ok()?;
        answer.is_ok().then_some(())
    });
    assert!(reserve.exists());
    check(&mut promises, &mut world.daemon.connect());
    world.cut_power();
    check(&mut promises, &mut world.restore_power());
}

/// A submission is refused, for a reason that helps.
fn refuse(connection: &mut Connection, promise: &Promise) {
    let answer = connection.call(&promise.request());
    let error = answer
        .expect("an answer on a full disk")
        .expect_err("no room");
    assert_eq!(
        (error.code, error.retryable),
        (ErrorCode::StoreFull, true),
        "{error:?}"
    );
    assert!(error.message.contains("free some space"), "{error:?}");
}

/// Changes the jobs in turn, again and again; sooner or later that takes a block that the disk does
/// not have. One alone may find room for ever in what its last change has left.
fn change_until_refused(connection: &mut Connection, promises: &[Promise]) {
    let ids = promises.iter().map(|promise| promise.id.expect("a job"));
    for id in ids.cycle().take(100_000) {
        let answer = connection.call(&JobBump { id });
        if let Err(error) = answer.expect("an answer on a full disk") {
            assert_eq!(
                (error.code, error.retryable),
                (ErrorCode::CommitFailed, true)
            );
            assert!(error.message.contains(NO_SPACE), "{error:?}");
            return;
        }
    }
    panic!("the disk does not fill");
}

/// Somebody else's file takes all that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[7; 512]).is_ok() {}
    // What cannot be written back is refused here at the latest.
    drop(file.sync_all());
}

/// The last one is not acknowledged.
fn submit_until_refused(connection: &mut Connection, random: &mut Random) -> Vec<Promise> {
    let mut promises = Vec::new();
    for number in 0..10_000 {
        let mut promise = Promise::new(format!("full-{number}"), random);
        let answer = connection.call(&promise.request());
        let taken = answer.expect("an answer").ok();
        promise.id = taken.map(|reply| reply.job.id);
        promises.push(promise);
        let last = &promises[promises.len() - 1];
        if last.id.is_none() {
            refuse(connection, last);
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
