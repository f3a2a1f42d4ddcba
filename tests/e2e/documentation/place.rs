//! Where the commands of the documentation are run: a directory with everything they name, a daemon
//! with the accounts they name, and jobs in the states that make sense of them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use comenq_proto::JobState;
use harness::daemon::Daemon;
use harness::github::{Account, Config, GithubStandin, LOGIN, TOKEN, USER_ID};
use harness::programs::program;
use harness::setup::Setup;
use harness::wait;
use tempfile::TempDir;

use crate::world::SOON;

const SECOND_TOKEN: &str = "ghp_standin1111111111111111111111111111";

/// Posts nothing after its first comment, so that jobs of its own stay where they are.
const SLOW: &str = "docs-bot";

/// What finds an editor, a far host and root.
const SHIMS: [(&str, &str); 3] = [
    ("editor", "echo edited >\"$1\""),
    // As ssh would there: what follows `-- HOST`.
    (
        "ssh",
        "while [ \"$1\" != -- ]; do shift; done; shift 2; exec \"$@\"",
    ),
    ("sudo", "exec \"$@\""),
];

pub(crate) struct Place {
    daemon: Daemon,
    directory: TempDir,
    /// Daemons that a text starts.
    started: Vec<Child>,
    _standin: GithubStandin,
}

impl Place {
    /// `batch` is the file that README shows.
    pub(crate) fn new(batch: &str) -> Self {
        let standin = standin();
        let setup = Setup::for_standin(&standin)
            .number("policy.max_submits_per_minute", 100_000)
            .raw("allow_dangerous", "true")
            .text(&format!("accounts.{SLOW}.api_url"), standin.url())
            .number(&format!("accounts.{SLOW}.cooldown_period_seconds"), 604_800);
        let token = setup.path("second-token");
        write(&token, SECOND_TOKEN, 0o600);
        let key = format!("accounts.{SLOW}.github_token_file");
        let daemon = setup.text(&key, token.to_str().unwrap()).start();
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let place = Self {
            daemon,
            directory,
            started: Vec::new(),
            _standin: standin,
        };
        place.furnish(batch);
        let first = place.post(&["--account", SLOW]);
        place.daemon.wait_posted(first);
        place
    }

    fn furnish(&self, batch: &str) {
        let here = self.directory.path();
        let url = self.daemon.setup.write_config();
        let url = fs::read_to_string(url).unwrap();
        let url = url.lines().find(|line| line.starts_with("github_api_url"));
        write(&here.join("config.toml"), url.unwrap(), 0o600);
        write(&here.join("comment.md"), "from a file", 0o644);
        write(&here.join("comments.jsonl"), batch, 0o644);
        write(
            &here.join("Makefile"),
            "report:\n\t@echo all is well\n",
            0o644,
        );
        fs::create_dir(here.join("bin")).unwrap();
        for (name, script) in SHIMS {
            let file = here.join("bin").join(name);
            write(&file, &format!("#!/bin/sh\n{script}\n"), 0o755);
        }
        for name in ["comenq", "comenqd"] {
            symlink(program(name), here.join("bin").join(name)).unwrap();
        }
        // As a user's own service: where the client looks first.
        fs::create_dir_all(here.join("run/comenq")).unwrap();
        symlink(self.daemon.socket(), here.join("run/comenq/comenq.sock")).unwrap();
        for words in [
            &["init", "-q"][..],
            &["remote", "add", "origin", "https://github.com/owner/repo"],
        ] {
            let done = self.shell("git").args(words).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        }
    }

    fn shell(&self, program: &str) -> Command {
        let here = self.directory.path();
        let mut command = Command::new(program);
        command
            .current_dir(here)
            .env_clear()
            .env("PATH", format!("{}/bin:/usr/bin:/bin", here.display()))
            .env("HOME", here)
            .env("XDG_RUNTIME_DIR", here.join("run"))
            .env("LANG", "C.UTF-8")
            .env("BUILD_ID", "5")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command as it stands, the numbers in it replaced by those of fitting jobs.
    pub(crate) fn run(&mut self, command: &str) -> Output {
        if command.starts_with("comenqd ") && !command.contains("--check-config") {
            return self.start(command);
        }
        let command = self.with_jobs(command);
        let script = format!("set -o pipefail\n{command}\n");
        write(&self.directory.path().join("typed"), &script, 0o644);
        let typed = if is_endless(&command) {
            "timeout --signal=INT 1 bash typed"
        } else {
            "bash typed"
        };
        let mut shell = if wants_a_terminal(&command) {
            let mut shell = self.shell("script");
            shell.args(["-qec", typed, "/dev/null"]);
            shell
        } else {
            let mut shell = self.shell("bash");
            shell.args(["-c", typed]);
            shell
        };
        shell.output().unwrap()
    }

    /// A daemon that goes on: it is well once it can be connected to.
    fn start(&mut self, command: &str) -> Output {
        let mut shell = self.shell("bash");
        shell.arg("-c").arg(format!("exec {command}"));
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        self.started.push(shell.stderr(log).spawn().unwrap());
        let socket = self.directory.path().join("comenq.sock");
        wait::until(&format!("the socket of {command}"), SOON, || {
            UnixStream::connect(&socket).ok()
        });
        self.shell("true").output().unwrap()
    }

    fn with_jobs(&self, command: &str) -> String {
        let mut verb = "";
        let words = command.split(' ').map(|word| {
            if FITTING.iter().any(|(known, _)| *known == word) {
                verb = word;
            }
            self.number(verb, word).unwrap_or_else(|| word.to_owned())
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// What stands in place of a number or range behind a verb that takes jobs.
    fn number(&self, verb: &str, word: &str) -> Option<String> {
        let make = FITTING.iter().find(|(known, _)| *known == verb)?.1;
        let (first, last) = word.split_once("..").unwrap_or((word, word));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let ids: Vec<_> = (first..=last).map(|_| make(self)).collect();
        Some(match ids[..] {
            [id] => id.to_string(),
            _ => format!("{}..{}", ids.first()?, ids.last()?),
        })
    }

    fn post(&self, options: &[&str]) -> u64 {
        let words = [&["post", "owner/repo#1", "text", "--json"], options].concat();
        self.daemon.cli(&words).ok().json()["job"]["id"]
            .as_u64()
            .unwrap()
    }

    fn queued(&self) -> u64 {
        self.post(&["--account", SLOW])
    }

    fn held(&self) -> u64 {
        self.post(&["--account", SLOW, "--hold"])
    }

    fn cancelled(&self) -> u64 {
        let id = self.queued();
        self.daemon.cli(&["cancel", &id.to_string()]).ok();
        id
    }

    fn posted(&self) -> u64 {
        let id = self.post(&[]);
        self.daemon.wait_posted(id);
        id
    }

    fn failed(&self) -> u64 {
        let id = self.daemon.submit("owner/repo#404", "text").job.id;
        self.daemon.wait_for(id, &[JobState::Failed]);
        id
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for child in &mut self.started {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

type Make = fn(&Place) -> u64;

/// The verbs that take jobs, and a job of which each makes sense.
const FITTING: [(&str, Make); 11] = [
    ("bump", Place::queued),
    ("cancel", Place::queued),
    ("edit", Place::queued),
    ("hold", Place::queued),
    ("post-now", Place::queued),
    ("purge", Place::cancelled),
    ("release", Place::held),
    ("retry", Place::failed),
    ("show", Place::queued),
    ("wait", Place::posted),
    ("watch", Place::queued),
];

/// Goes on until it is interrupted.
pub(crate) fn is_endless(command: &str) -> bool {
    command.contains("comenq watch") || command.contains("--watch")
}

/// Where it shows itself, or where the editor opens.
fn wants_a_terminal(command: &str) -> bool {
    let last = command.rsplit(' ').next().unwrap_or_default();
    let names_nothing_else = last.parse::<u64>().is_ok();
    command.contains("list --watch") || command.contains("comenq edit") && names_nothing_else
}

fn standin() -> GithubStandin {
    let account = |login: &str, id| Account {
        login: login.to_owned(),
        id,
    };
    let issues = ["owner/repo#1", "owner/repo#2", "owner/repo#123"];
    GithubStandin::start(Config {
        tokens: vec![
            (TOKEN.to_owned(), account(LOGIN, USER_ID)),
            (SECOND_TOKEN.to_owned(), account("docs-bot", USER_ID + 1)),
        ],
        issues: issues.map(str::to_owned).to_vec(),
        ..Config::default()
    })
    .unwrap()
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
