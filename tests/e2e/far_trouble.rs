//! What is wrong on the far side of `--host`, or on the way there, is told apart: by both sides,
//! and by ssh itself.

use std::os::unix::net::UnixListener;
use std::path::Path;

use harness::cli::{Cli, Done};
use harness::script::script;
use harness::sshd::is_possible;
use serde_json::Value;

use crate::far::{far, over, own_comenq};
use crate::trust::Fake;
use crate::world::{ANN, ISSUE, world};

fn failed(cli: Cli, code: i32, said: &[&str]) -> Done {
    let done = cli.run();
    assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{done:?}");
    for words in said {
        assert!(done.stderr.contains(words), "{words:?}: {done:?}");
    }
    done
}

#[test]
fn what_is_wrong_there_is_said_by_both_sides() {
    if !is_possible() {
        return;
    }
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let socket = directory.path().join("nobody");
    let sshd = far(&own_comenq(), &socket);
    let theirs = format!("socket {} does not exist", socket.display());
    let ours = "cannot ask root@127.0.0.1: its daemon cannot be reached";
    failed(over(&sshd, &["post", ISSUE, "x"]), 3, &[&theirs, ours]);
    drop(UnixListener::bind(&socket).unwrap());
    failed(over(&sshd, &["list"]), 3, &["nobody listens", ours]);

    let without = far(directory.path(), &socket);
    let no_client = "cannot ask root@127.0.0.1: there is no comenq";
    failed(
        over(&without, &["list"]),
        3,
        &["comenq: command not found", no_client],
    );
    script(
        &directory.path().join("comenq"),
        "echo 'unrecognized subcommand' >&2; exit 2",
    );
    let old = "the comenq there refused to start";
    failed(
        over(&without, &["list"]),
        8,
        &["unrecognized", old, "update comenq"],
    );
}

#[test]
fn an_ssh_that_does_not_get_there_says_why_itself() {
    if !is_possible() {
        return;
    }
    let (_standin, daemon) = world();
    let sshd = far(&own_comenq(), &daemon.socket());
    let port = sshd.host().rsplit(':').next().unwrap().to_owned();
    let ours = "cannot ask root@127.0.0.1: ssh could not connect";
    let wrong_key = over(&sshd, &["list"]).env("COMENQ_SSH", sshd.ssh_without_key());
    let done = failed(wrong_key, 3, &["Permission denied (publickey)", ours]);
    assert!(done.stderr.contains(&port), "advice that works: {done:?}");
    let json = over(&sshd, &["list", "--json"]).env("COMENQ_SSH", sshd.ssh_without_key());
    let done = json.run();
    let error: Value = serde_json::from_str(done.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        error["error"]["code"], "unreachable",
        "behind what ssh says"
    );
    let none = over(&sshd, &["list"]).env("COMENQ_SSH", "/nowhere/ssh");
    failed(none, 3, &["/nowhere/ssh cannot be run"]);
}

#[test]
fn no_host_can_be_taken_for_an_option_of_ssh() {
    let directory = tempfile::tempdir().unwrap();
    let (ssh, ran) = (directory.path().join("ssh"), directory.path().join("ran"));
    script(&ssh, &format!("touch {}; exit 255", ran.display()));
    let cli = |words: &[&str]| Cli::new(Path::new("/nowhere"), words).env("COMENQ_SSH", &ssh);
    for host in [
        "-oProxyCommand=true",
        "--",
        "ssh://-oProxyCommand=true",
        "ssh://-oProxyCommand=true@127.0.0.1",
        "-l@127.0.0.1",
        "root@-v",
        "ssh://root@[-v]:22",
    ] {
        let equals = format!("--host={host}");
        for words in [
            &["--host", host, "list"][..],
            &[&equals, "list"],
            &["list", &equals],
        ] {
            failed(cli(words), 2, &["hyphen"]);
        }
        failed(
            cli(&["list"]).env("COMENQ_HOST", host),
            2,
            &["COMENQ_HOST", "hyphen"],
        );
        assert!(!ran.exists(), "{host} reached ssh");
    }
    failed(
        cli(&["--host", "fine", "list"]),
        3,
        &["ssh could not connect"],
    );
    assert!(ran.exists(), "the script would have told");
}

#[test]
fn a_strangers_socket_there_is_refused() {
    if !is_possible() || !harness::needs::program("perl") {
        return;
    }
    let fake = Fake::start();
    let sshd = far(&own_comenq(), &fake.socket());
    let stranger = format!("uid {ANN} listens on socket");
    let ours = "the socket there is a stranger's";
    failed(
        over(&sshd, &["post", ISSUE, "secret"]),
        4,
        &[&stranger, ours],
    );
    assert_eq!(fake.heard(1), "gone\n", "it was told nothing");
}
