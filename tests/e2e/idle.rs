//! Ends for want of anything to do, with a socket that outlives the daemon as systemd's does.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use comenq_proto::{JobState, Ping};
use harness::activation::Activation;
use harness::cli::Cli;
use harness::connection::Connection;
use harness::setup::Setup;
use harness::wait;

use crate::world::{ISSUE, OTHER, SOON, bodies, standin};

/// More than the second after which a daemon of these tests ends.
const WHILE: Duration = Duration::from_secs(3);

/// For so long what has just been posted is kept in any case.
const SETTLED: Duration = Duration::from_secs(10);

/// A socket, and the daemon of the moment.
struct Host {
    setup: Setup,
    activation: Activation,
}

impl Host {
    fn new(setup: Setup) -> Self {
        let setup = setup.number("idle_exit_seconds", 1);
        let activation = Activation::listen(&setup).unwrap();
        Self { setup, activation }
    }

    fn start(&self) -> Child {
        self.activation.spawn(&self.setup).unwrap()
    }

    fn cli(&self, arguments: &[&str]) -> Cli {
        Cli::new(&self.setup.socket(), arguments)
    }

    fn post(&self, target: &str, text: &str) {
        self.cli(&["post", target, text]).ok();
    }
}

fn ends(child: &mut Child) -> Option<i32> {
    let ended = wait::until("the daemon to end", SOON, || child.try_wait().unwrap());
    ended.code()
}

fn lives(child: &mut Child) {
    let ended = || child.try_wait().unwrap().is_some();
    wait::never("the daemon end", WHILE, ended);
}

#[test]
fn an_idle_daemon_ends_in_order_and_the_next_client_is_served() {
    let standin = standin();
    let host = Host::new(Setup::for_standin(&standin));
    let mut child = host.start();
    host.post(ISSUE, "one");
    assert_eq!(ends(&mut child), Some(0));
    assert_eq!(bodies(&standin), ["one"], "it is posted first");
    let log = host.setup.log();
    assert!(
        log.contains("nothing to do and nobody connected for 1 s"),
        "{log}"
    );
    assert!(log.contains("stopped"), "{log}");
    let mut child = host.start();
    let listed = host.cli(&["list", "--history", "--json"]).ok().json();
    assert_eq!(listed["jobs"][0]["state"], "posted");
    assert_eq!(ends(&mut child), Some(0));
}

/// Such a daemon hardly ever lives until the usual time for it.
#[test]
fn what_is_kept_no_longer_goes_before_the_end() {
    let standin = standin();
    let host = Host::new(Setup::for_standin(&standin).number("keep_finished_jobs", 0));
    let mut child = host.start();
    host.post(ISSUE, "one");
    assert_eq!(ends(&mut child), Some(0));
    let ended = Instant::now();
    wait::until("its comment to be nobody else's", SOON, || {
        (ended.elapsed() > SETTLED).then_some(())
    });
    let mut child = host.start();
    host.post(OTHER, "two");
    assert_eq!(ends(&mut child), Some(0));
    let mut child = host.start();
    let listed = host.cli(&["list", "--history", "--json"]).ok().json();
    let kept: Vec<_> = listed["jobs"].as_array().unwrap().iter().collect();
    assert_eq!(kept.len(), 1, "{listed}");
    assert_eq!(kept[0]["body"], "two");
    assert_eq!(ends(&mut child), Some(0));
}

#[test]
fn what_waits_keeps_it_and_what_is_held_does_not() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).number("cooldown_period_seconds", 600);
    let host = Host::new(setup);
    let mut child = host.start();
    host.post(ISSUE, "takes the slot");
    host.post(OTHER, "waits");
    lives(&mut child);
    host.cli(&["hold", "2"]).ok();
    assert_eq!(ends(&mut child), Some(0));
    let mut child = host.start();
    host.cli(&["release", "2"]).ok();
    lives(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_is_connected_keeps_it() {
    let standin = standin();
    let host = Host::new(Setup::for_standin(&standin));
    let mut child = host.start();
    let mut connection = Connection::ready(&host.setup.socket()).unwrap();
    lives(&mut child);
    connection.call(&Ping {}).unwrap().unwrap();
    drop(connection);
    assert_eq!(ends(&mut child), Some(0));
}

#[test]
fn a_reload_begins_and_ends_it() {
    let standin = standin();
    let mut host = Host::new(Setup::for_standin(&standin));
    host.setup.set("idle_exit_seconds", "0");
    host.setup.write_config();
    let mut child = host.start();
    host.post(ISSUE, "one");
    lives(&mut child);
    host.setup.set("idle_exit_seconds", "1");
    host.setup.write_config();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    assert_eq!(ends(&mut child), Some(0));
}

/// Nobody would start it again.
#[test]
fn a_socket_of_its_own_is_never_left() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).number("idle_exit_seconds", 1);
    let daemon = setup.start();
    let id = daemon.submit(ISSUE, "one").job.id;
    daemon.wait_posted(id);
    let warned = || {
        daemon
            .setup
            .log()
            .contains("idle_exit_seconds has no effect")
    };
    wait::until("the warning", SOON, || warned().then_some(()));
    wait::never("the daemon end", WHILE, || {
        daemon.cli(&["ping"]).run().code != 0
    });
    assert_eq!(daemon.job(id).state, JobState::Posted);
}

/// As systemd does it: who connects while no daemon runs starts one. How many there were.
fn supervise(host: &Host, is_over: &AtomicBool) -> u32 {
    let mut starts = 0;
    loop {
        let mut child = host.start();
        starts += 1;
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(0), "{}", host.setup.log());
        while !host
            .activation
            .has_client(Duration::from_millis(10))
            .unwrap()
        {
            if is_over.load(Ordering::SeqCst) {
                return starts;
            }
        }
    }
}

/// Clients that come about when the daemon ends that served the last one, from just before it to
/// well after. How often one was started.
fn meet_the_end(host: &Host, delays: impl Iterator<Item = Duration>) -> u32 {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let supervisor = scope.spawn(|| supervise(host, &is_over));
        for delay in delays {
            host.cli(&["ping"]).ok();
            // Not a wait for something: it is the end that this aims at.
            thread::sleep(delay);
        }
        host.cli(&["ping"]).ok();
        is_over.store(true, Ordering::SeqCst);
        supervisor.join().unwrap()
    })
}

#[test]
fn a_hundred_clients_that_meet_the_end_are_all_served() {
    let standin = standin();
    let starts: u32 = thread::scope(|scope| {
        let hosts: Vec<_> = (0..10)
            .map(|place| {
                let host = Host::new(Setup::for_standin(&standin));
                let delays = (0..10).map(move |round| 985_000 + 500 * (10 * round + place));
                let delays = delays.map(Duration::from_micros);
                scope.spawn(move || meet_the_end(&host, delays))
            })
            .collect();
        hosts.into_iter().map(|it| it.join().unwrap()).sum()
    });
    // Each of the ten starts once for the first client; of the ends too few would prove nothing.
    assert!(starts >= 30, "only {starts} starts: too few met the end");
}
