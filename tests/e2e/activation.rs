//! A socket handed over as systemd does it, and everything else that may be
//! handed over instead.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use comenq_proto::Ping;
use harness::activation::Activation;
use harness::connection::Connection;
use harness::setup::{Setup, Token};
use harness::wait;

use crate::world::{ISSUE, SOON, bodies, standin};

/// Starts comenqd with the descriptors that this piece of shell arranges.
fn started_with(setup: &Setup, shell: &str) -> Output {
    let daemon = setup.command(&[]);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("{shell} exec \"$@\""), "sh"])
        .arg(daemon.get_program())
        .args(daemon.get_args())
        .stdin(Stdio::null());
    for (name, value) in daemon.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().unwrap()
}

fn refused(shell: &str) -> String {
    let setup = Setup::new("http://127.0.0.1:1").token(Token::Absent);
    let output = started_with(&setup, shell);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| code != 0 && code != 101),
        "{code:?}: {text}"
    );
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn a_client_that_waits_starts_the_daemon_and_is_served() {
    let standin = standin();
    let setup = Setup::for_standin(&standin);
    let activation = Activation::listen(&setup).unwrap();
    let client = harness::cli::Cli::new(&setup.socket(), &["post", ISSUE, "on demand"]).spawn();
    assert!(activation.has_client(SOON).unwrap());
    let mut child = activation.spawn(&setup).unwrap();
    let done = client.wait();
    assert_eq!(done.code, 0, "{done:?}");
    wait::until("the comment", SOON, || {
        (bodies(&standin).len() == 1).then_some(())
    });

    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        setup.socket().exists(),
        "the socket is systemd's, not the daemon's"
    );
    let mut child = activation.spawn(&setup).unwrap();
    let mut connection = Connection::ready(&setup.socket()).unwrap();
    connection.call(&Ping {}).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_passed_socket_beats_the_configured_path() {
    let standin = standin();
    let setup = Setup::for_standin(&standin).text("socket_path", "/nowhere/at/all");
    let activation = Activation::listen(&setup).unwrap();
    let mut child = activation.spawn(&setup).unwrap();
    let mut connection = Connection::ready(&setup.socket()).unwrap();
    connection.call(&Ping {}).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn descriptors_that_are_not_one_listening_socket() {
    let one = "export LISTEN_PID=$$ LISTEN_FDS=1;";
    let text = refused(&format!("exec 3</dev/null; {one}"));
    assert!(text.contains("descriptor"), "{text}");
    let text = refused(&format!("exec 3<&-; {one}"));
    assert!(text.contains("descriptor"), "{text}");
    let two = "exec 3</dev/null 4</dev/null; export LISTEN_PID=$$ LISTEN_FDS=2;";
    let text = refused(two);
    assert!(text.contains('2') && text.contains("exactly one"), "{text}");
}

#[test]
fn descriptors_meant_for_somebody_else_are_ignored() {
    let setup = Setup::new("http://127.0.0.1:1").token(Token::Absent);
    let socket = setup.socket().display().to_string();
    let mut daemon = setup.env("LISTEN_PID", "1").env("LISTEN_FDS", "1").start();
    assert_eq!(daemon.socket().display().to_string(), socket);
    assert!(daemon.exited().is_none());
    wait::never("it to end", Duration::from_millis(300), || {
        daemon.exited().is_some()
    });
}
