//! Clients that submit, cancel, repeat and read until the daemon is gone, and
//! remember every promise.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use comenq_proto::{Job, JobList};
use harness::connection::Connection;
use harness::wait;

use crate::promise::{Gone, Promise, ask};
use crate::random::Random;

/// More steps than a daemon survives whose disk is gone.
const LAST_STEPS: usize = 200;
/// Of the promises checked before, one in so many is checked again each time.
const SAMPLE: u64 = 40;

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    name: String,
    random: Random,
    promises: Vec<Promise>,
    /// How many promises the last check has seen.
    checked: usize,
}

impl Client {
    pub(crate) fn new(name: String, random: Random) -> Self {
        Self {
            name,
            random,
            promises: Vec::new(),
            checked: 0,
        }
    }

    /// How many submissions were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.promises
            .iter()
            .filter(|promise| promise.id.is_some())
            .count()
    }

    /// Works until the daemon is gone, which it may be only once it is `over`.
    pub(crate) fn work(&mut self, socket: &Path, over: &AtomicBool) {
        let over = || over.load(Ordering::SeqCst);
        let connected =
            wait::until(
                "comenqd to answer",
                Duration::from_secs(30),
                || match Connection::ready(socket) {
                    Ok(connection) => Some(Some(connection)),
                    Err(_) => over().then_some(None),
                },
            );
        let Some(mut connection) = connected else {
            return;
        };
        let mut left = LAST_STEPS;
        while left > 0 {
            if let Err(gone) = self.step(&mut connection) {
                assert!(over(), "{} lost a daemon with power: {gone}", self.name);
                return;
            }
            left -= usize::from(over());
        }
    }

    fn step(&mut self, connection: &mut Connection) -> Result<(), Gone> {
        let known = self.promises.len();
        match self.random.below(12) {
            0..=8 => {}
            _ if known == 0 => {}
            9 => return self.any().cancel(connection),
            10 => return self.any().submit(connection).map(drop),
            _ => return self.any().check(connection),
        }
        let key = format!("{}-{known}", self.name);
        self.promises.push(Promise::new(key, &mut self.random));
        self.promises[known].submit(connection).map(drop)
    }

    fn any(&mut self) -> &mut Promise {
        let index = self.random.pick(self.promises.len());
        &mut self.promises[index]
    }

    /// Asks again whatever got no answer, as real clients do.
    pub(crate) fn ask_again(&mut self, connection: &mut Connection) -> Result<(), Gone> {
        for promise in self
            .promises
            .iter_mut()
            .filter(|promise| promise.id.is_none())
        {
            promise.submit(connection)?;
        }
        Ok(())
    }

    /// Checks all promises made since the last time, and some others.
    pub(crate) fn check(&mut self, connection: &mut Connection) -> Result<(), Gone> {
        for (index, promise) in self.promises.iter_mut().enumerate() {
            let is_new = index >= self.checked || promise.is_open();
            if is_new || self.random.one_in(SAMPLE) {
                promise.check(connection)?;
            }
            if self.random.one_in(SAMPLE) {
                promise.submit(connection)?;
                promise.misuse_key(connection)?;
            }
        }
        self.checked = self.promises.len();
        Ok(())
    }
}

/// Checks all promises against all jobs there are: none is missing, none too many.
pub(crate) fn check_all(clients: &mut [Client], connection: &mut Connection) {
    let jobs = list(connection, true);
    let listed = jobs.len();
    let mut jobs: BTreeMap<u64, Job> = jobs.into_iter().map(|job| (job.id, job)).collect();
    assert_eq!(listed, jobs.len(), "a job is listed twice");
    for promise in clients.iter_mut().flat_map(|client| &mut client.promises) {
        let job = promise.id.and_then(|id| jobs.remove(&id));
        promise.judge(&job.unwrap_or_else(|| panic!("{promise:?} is not listed")));
    }
    assert!(jobs.is_empty(), "nobody submitted {jobs:?}");
}

/// Who owns each number; nobody shares one.
pub(crate) fn owners(clients: &[Client]) -> BTreeMap<u64, &Promise> {
    let mut owners = BTreeMap::new();
    for promise in clients.iter().flat_map(|client| &client.promises) {
        let Some(id) = promise.id else { continue };
        if let Some(other) = owners.insert(id, promise) {
            panic!("job {id} is both {promise:?} and {other:?}");
        }
    }
    owners
}

/// All jobs there are, as the daemon lists them.
pub(crate) fn list(connection: &mut Connection, include_body: bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut cursor = None;
    loop {
        let page = JobList {
            cursor,
            include_body,
            ..JobList::default()
        };
        let page = ask(connection, &page).unwrap().expect("a page of jobs");
        jobs.extend(page.jobs);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return jobs;
        }
    }
}
