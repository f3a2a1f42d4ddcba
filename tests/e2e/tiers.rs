//! Who may do what: every endpoint by every role, with the real daemon as root and its clients as
//! several users. Needs root, to be them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use comenq_proto::{ErrorCode, JobState};
use harness::activation::Activation;
use harness::cli::{Cli, Done};
use harness::daemon::Daemon;
use harness::github::GithubStandin;
use harness::needs;
use harness::setup::Setup;
use harness::wait;
use nix::unistd::{Uid, User};
use serde_json::Value;

use crate::world::{ANN, BEN, ISSUE, OTHER, SOON, assert_refused, standin, world, world_with};

/// A group that the kernel alone says anything of; the name service does not know it.
const POSTERS: u32 = 12_500;
/// Nobody's group.
const STRANGERS: u32 = 12_600;

/// A user that every host has. The name service knows its group; its processes here are in another.
const SYSTEM_USER: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Reader,
    Poster,
    Admin,
}

impl Tier {
    const ALL: [Self; 3] = [Self::Reader, Self::Poster, Self::Admin];

    fn run(self, daemon: &Daemon, words: &[&str]) -> Done {
        let (uid, gid) = match self {
            Self::Reader => (BEN, STRANGERS),
            Self::Poster => (ANN, POSTERS),
            Self::Admin => (SYSTEM_USER, STRANGERS),
        };
        Cli::as_user(&daemon.socket(), words, uid, gid).run()
    }
}

/// A daemon for everybody, in which the three tiers are three users.
fn public(dangerous: bool) -> (GithubStandin, Daemon) {
    let user = User::from_uid(Uid::from_raw(SYSTEM_USER)).unwrap().unwrap();
    let group = u64::from(user.gid.as_raw());
    let (standin, daemon) = world_with(|setup| {
        setup
            .raw("public_status", "true")
            .number("admin_group", group)
            .number("operator_group", u64::from(POSTERS))
            .raw("allow_dangerous", &dangerous.to_string())
            .number("cooldown_period_seconds", 600)
    });
    // From here on nothing is posted.
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    (standin, daemon)
}

/// What each endpoint is asked with, of a job that does not exist, and who may ask.
const COMMANDS: [(&[&str], Tier); 20] = [
    (&["ping"], Tier::Reader),
    (&["status"], Tier::Reader),
    (&["list"], Tier::Reader),
    (&["show", "999"], Tier::Reader),
    (&["post", ISSUE, "x"], Tier::Poster),
    (&["post", "--batch", "-"], Tier::Poster),
    (&["edit", "999", "x"], Tier::Poster),
    (&["hold", "999"], Tier::Poster),
    (&["release", "999"], Tier::Poster),
    (&["cancel", "999"], Tier::Poster),
    (&["retry", "999"], Tier::Poster),
    (&["retry", "--reason", "locked"], Tier::Poster),
    (&["bump", "999"], Tier::Poster),
    (&["post-now", "999"], Tier::Admin),
    (&["purge", "999"], Tier::Admin),
    (&["pause"], Tier::Admin),
    (&["resume"], Tier::Admin),
    (&["drain", "--off"], Tier::Admin),
    (&["resume", "default"], Tier::Admin),
    (&["export"], Tier::Admin),
];

#[test]
fn each_endpoint_is_for_its_tier_and_those_above() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = public(true);
    for (words, least) in COMMANDS {
        for tier in Tier::ALL {
            let words = [words, &["--json"]].concat();
            let done = if words.contains(&"--batch") {
                batch(&daemon, tier)
            } else {
                tier.run(&daemon, &words)
            };
            if tier < least {
                assert_refused(&done, 4, ErrorCode::NotAllowed);
                continue;
            }
            if done.code != 0 {
                assert!(words.contains(&"999"), "{tier:?} {words:?}: {done:?}");
                assert_refused(&done, 5, ErrorCode::NoSuchJob);
            }
        }
    }
}

fn batch(daemon: &Daemon, tier: Tier) -> Done {
    let (uid, gid) = match tier {
        Tier::Reader => (BEN, STRANGERS),
        Tier::Poster => (ANN, POSTERS),
        Tier::Admin => (SYSTEM_USER, STRANGERS),
    };
    let words = ["post", "--json", "--batch", "-"];
    let call = Cli::as_user(&daemon.socket(), &words, uid, gid);
    call.stdin(format!("{{\"target\": \"{ISSUE}\", \"body\": \"x\"}}\n"))
        .run()
}

#[test]
fn the_greeting_says_which_role() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = public(false);
    let role = |tier: Tier| tier.run(&daemon, &["ping", "--json"]).json()["role"].clone();
    assert_eq!(role(Tier::Reader), "read_only");
    assert_eq!(role(Tier::Poster), "operator");
    assert_eq!(role(Tier::Admin), "admin", "by the name service alone");
    assert_eq!(daemon.cli(&["ping", "--json"]).ok().json()["role"], "admin");
    let mode = std::fs::metadata(daemon.socket()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o666);
}

#[test]
fn others_jobs_can_be_seen_in_part_and_changed_by_admins_alone() {
    if !needs::root() {
        return;
    }
    let (_standin, daemon) = public(true);
    let words = [
        "post",
        "--json",
        "--hold",
        "--replace-key",
        "r",
        ISSUE,
        "between us",
    ];
    let posted = Cli::as_user(&daemon.socket(), &words, 12_003, POSTERS).run();
    let id = posted.json()["job"]["id"].as_u64().unwrap().to_string();
    for tier in [Tier::Reader, Tier::Poster] {
        let shown = tier.run(&daemon, &["show", "--json", &id]).json();
        for hidden in ["body", "replace_key", "last_error"] {
            assert_eq!(shown["job"][hidden], Value::Null, "{tier:?} {hidden}");
        }
        assert_eq!(shown["job"]["state"], "held");
        let listed = tier.run(&daemon, &["list", "--json"]).stdout;
        assert!(!listed.contains("between us"), "{tier:?}");
    }
    let verbs: [&[&str]; 6] = [
        &["edit", &id, "mine now"],
        &["release", &id],
        &["hold", &id],
        &["bump", &id],
        &["retry", &id],
        &["cancel", &id],
    ];
    for words in verbs {
        let words = [words, &["--json"]].concat();
        let done = Tier::Poster.run(&daemon, &words);
        assert_refused(&done, 4, ErrorCode::NotAllowed);
        assert!(!done.stderr.contains("between us"), "{done:?}");
    }
    let shown = Tier::Admin.run(&daemon, &["show", "--json", &id]).json();
    assert_eq!(shown["job"]["body"], "between us");
    for words in [
        &["edit", &*id, "edited"][..],
        &["release", &id],
        &["hold", &id],
    ] {
        let done = Tier::Admin.run(&daemon, words);
        assert_eq!(done.code, 0, "{words:?}: {done:?}");
    }
    let job = daemon.job(id.parse().unwrap());
    assert_eq!(
        (job.state, job.body.as_deref()),
        (JobState::Held, Some("edited"))
    );
}

#[test]
fn what_is_dangerous_is_nobodys_until_the_configuration_says_so() {
    if !needs::root() {
        return;
    }
    let (_standin, mut daemon) = public(false);
    for words in [["post-now", "999", "--json"], ["purge", "999", "--json"]] {
        let done = Tier::Admin.run(&daemon, &words);
        assert_refused(&done, 4, ErrorCode::DangerousDisabled);
        assert!(done.stderr.contains("allow_dangerous = true"), "{done:?}");
        assert_refused(&daemon.cli(&words).run(), 4, ErrorCode::DangerousDisabled);
        let done = Tier::Poster.run(&daemon, &words);
        assert_refused(&done, 4, ErrorCode::NotAllowed);
    }
    daemon.setup.set("allow_dangerous", "true");
    daemon.reload();
    let done = Tier::Admin.run(&daemon, &["purge", "999", "--json"]);
    assert_refused(&done, 5, ErrorCode::NoSuchJob);
}

#[test]
fn a_reload_takes_a_group_its_rights() {
    if !needs::root() {
        return;
    }
    let (_standin, mut daemon) = public(false);
    assert_eq!(Tier::Admin.run(&daemon, &["pause"]).code, 0);
    daemon.setup.unset("admin_group");
    daemon.reload();
    let done = Tier::Admin.run(&daemon, &["resume", "--json"]);
    assert_refused(&done, 4, ErrorCode::NotAllowed);
    // Who may connect is the socket's, and that is made once.
    daemon.setup.set("public_status", "false");
    daemon.reload();
    let status = daemon.status();
    let said = status.degraded.join("\n");
    assert!(
        said.contains("public_status stays true until a restart"),
        "{said}"
    );
    let done = Tier::Reader.run(&daemon, &["post", "--json", ISSUE, "x"]);
    assert_refused(&done, 4, ErrorCode::NotAllowed);
}

#[test]
fn a_group_that_is_not_there_keeps_the_daemon_from_starting() {
    let (_standin, daemon) = world();
    let mut setup = daemon.setup.command(&["--check-config"]);
    let shown = setup.output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    for line in [
        "# admin_group: none",
        "public_status = false",
        "allow_dangerous = false",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let mut wrong = daemon.setup.command(&["--check-config"]);
    let refused = wrong
        .env("COMENQD_ADMIN_GROUP", "no-such-group")
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("COMENQD_ADMIN_GROUP"), "{text}");
    assert!(
        text.contains("there is no such group on this host"),
        "{text}"
    );
}

/// What a daemon says at its start of a socket that is handed over with this mode.
fn said_of_a_socket(mode: u32, is_public: bool) -> String {
    let standin = standin();
    let setup = Setup::for_standin(&standin)
        .raw("public_status", &is_public.to_string())
        .number("operator_group", u64::from(POSTERS));
    let activation = Activation::listen(&setup).unwrap();
    std::fs::set_permissions(setup.socket(), Permissions::from_mode(mode)).unwrap();
    let mut child = activation.spawn(&setup).unwrap();
    wait::until("the daemon to be ready", SOON, || {
        setup.log().contains("is ready").then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    setup.log()
}

#[test]
fn a_socket_of_another_mode_than_was_meant_is_told_at_the_start() {
    for (mode, is_public, says) in [
        (0o666, false, "whoever connects may post"),
        (0o660, true, "SocketMode=0666"),
    ] {
        let log = said_of_a_socket(mode, is_public);
        assert!(log.contains(says), "{mode:o} {is_public}: {log}");
    }
    for (mode, is_public) in [(0o660, false), (0o666, true)] {
        let log = said_of_a_socket(mode, is_public);
        assert!(!log.contains("SocketMode="), "{mode:o} {is_public}: {log}");
    }
}
