//! Completion in the real shells: the script that `comenq completions` prints, loaded by each, and
//! words completed by it, on a terminal where the shell wants one.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::daemon::Daemon;
use harness::needs;
use harness::programs::program;
use harness::pty::Terminal;
use harness::script::script;

use crate::world::{ISSUE, world};

/// Longer than a person waits for a word.
const LONG: Duration = Duration::from_secs(8);

fn path() -> String {
    let programs = program("comenq");
    let programs = programs.parent().unwrap().display();
    format!("{programs}:/usr/bin:/bin")
}

/// A shell with nothing of a developer's, which finds comenq and this socket.
fn shell(words: &[&str], socket: &Path, home: &Path) -> Command {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .env_clear()
        .env("PATH", path())
        .env("HOME", home)
        .env("PS1", "$ ")
        .env("LANG", "C.UTF-8")
        .env("COMENQ_SOCKET", socket)
        .current_dir(home);
    command
}

/// An interactive shell on a terminal.
struct Shell {
    terminal: Terminal,
    _home: tempfile::TempDir,
}

impl Shell {
    fn start(words: &[&str], setup: &str, socket: &Path) -> Self {
        let home = tempfile::tempdir_in("/tmp").unwrap();
        let terminal = Terminal::start(shell(words, socket, home.path()), 50, 100);
        terminal.press(&format!("{setup}; PS1='$ '; clear; echo lo''aded\n"));
        terminal.shows("loaded");
        Self {
            terminal,
            _home: home,
        }
    }

    /// Types this and presses Tab; waits until the line reads so, and empties it.
    fn completes(&self, typed: &str, line: &str) {
        self.terminal.press(&format!("{typed}\t"));
        let reads = |screen: &str| {
            let last = screen.lines().rev().find(|line| line.starts_with("$ "));
            last.is_some_and(|last| last.trim_end() == format!("$ {line}").trim_end())
        };
        self.terminal
            .until(&format!("{typed:?} to become {line:?}"), reads);
        self.clear();
    }

    /// Types this and presses Tab twice; waits until all these are shown below.
    fn offers(&self, typed: &str, words: &[&str]) {
        self.terminal.press(&format!("{typed}\t\t"));
        let all = |screen: &str| words.iter().all(|word| screen.contains(word));
        self.terminal
            .until(&format!("{words:?} for {typed:?}"), all);
        self.clear();
    }

    /// Leaves the line, and empties the screen.
    fn clear(&self) {
        self.terminal.press("\u{15}clear; echo em''pty\n");
        let is_empty =
            |screen: &str| screen.starts_with("empty") && screen.trim_end().ends_with('$');
        self.terminal.until("an empty screen", is_empty);
    }
}

const BASH: [&str; 4] = ["bash", "--norc", "--noprofile", "-i"];
const LOAD_BASH: &str = "source <(comenq completions bash)";
const ZSH: [&str; 3] = ["zsh", "-f", "-i"];
const LOAD_ZSH: &str =
    "unsetopt prompt_sp; autoload -Uz compinit; compinit -u -D; source <(comenq completions zsh)";

fn with_jobs() -> (harness::github::GithubStandin, Daemon) {
    let (standin, daemon) = world();
    for text in ["one", "two", "three"] {
        daemon.cli(&["post", "--hold", ISSUE, text]).ok();
    }
    (standin, daemon)
}

fn on_a_terminal(words: &[&str], load: &str, daemon: &Daemon) {
    let shell = Shell::start(words, load, &daemon.socket());
    shell.completes("comenq canc", "comenq cancel");
    shell.completes("comenq post --repl", "comenq post --replace-key");
    shell.completes("comenq list --state hel", "comenq list --state held");
    shell.completes("comenq resume def", "comenq resume default");
    shell.completes("comenq post --account d", "comenq post --account default");
    shell.offers("comenq cancel ", &["1", "2", "3"]);
    shell.offers("comenq p", &["pause", "ping", "post", "purge"]);
}

/// A daemon that does not answer, and then none at all: what is typed stays, and the shell goes on.
fn hangs_never(words: &[&str], load: &str, daemon: &mut Daemon) {
    let shell = Shell::start(words, load, &daemon.socket());
    daemon.freeze();
    for is_gone in [false, true] {
        if is_gone {
            daemon.thaw();
            daemon.kill9();
        }
        let start = Instant::now();
        shell.terminal.press("comenq show \t\u{15}echo aft''er\n");
        shell.terminal.shows("after");
        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
        assert!(!shell.terminal.screen().contains("panicked"));
        shell.clear();
    }
}

#[test]
fn bash_completes_verbs_options_jobs_and_accounts() {
    if !needs::program("bash") {
        return;
    }
    let (_standin, daemon) = with_jobs();
    on_a_terminal(&BASH, LOAD_BASH, &daemon);
}

#[test]
fn zsh_completes_verbs_options_jobs_and_accounts() {
    if !needs::program("zsh") {
        return;
    }
    let (_standin, daemon) = with_jobs();
    on_a_terminal(&ZSH, LOAD_ZSH, &daemon);
}

#[test]
fn bash_and_zsh_go_on_when_the_daemon_does_not_answer() {
    if !needs::program("bash") || !needs::program("zsh") {
        return;
    }
    for (words, load) in [(&BASH[..], LOAD_BASH), (&ZSH[..], LOAD_ZSH)] {
        let (_standin, mut daemon) = with_jobs();
        hangs_never(words, load, &mut daemon);
    }
}

#[test]
fn an_ssh_that_fails_or_hangs_does_not_disturb_what_is_typed() {
    if !needs::program("bash") {
        return;
    }
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    for does in ["echo 'ssh complains' >&2; exit 255", "exec sleep 60"] {
        let ssh = directory.path().join("ssh");
        script(&ssh, does);
        let load = format!(
            "export COMENQ_HOST=far COMENQ_SSH={}; {LOAD_BASH}",
            ssh.display()
        );
        let shell = Shell::start(&BASH, &load, directory.path());
        let start = Instant::now();
        shell.terminal.press("comenq show \t\u{15}echo aft''er\n");
        let screen = shell.terminal.shows("after");
        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
        assert!(!screen.contains("complains"), "{screen}");
    }
}

/// What fish would offer for a line: words, each with what it is.
fn fish(daemon: &Daemon, line: &str) -> Vec<String> {
    let home = tempfile::tempdir_in("/tmp").unwrap();
    let script = format!("comenq completions fish | source; complete -C '{line}'");
    let words = ["fish", "--no-config", "-c", &script];
    let output = shell(&words, &daemon.socket(), home.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // Options are offered wherever a word begins.
    let words = text
        .lines()
        .filter(|word| !word.starts_with("--") || line.ends_with("--repl"));
    words.map(str::to_owned).collect()
}

fn assert_verb(daemon: &Daemon) {
    let verbs = fish(daemon, "comenq canc");
    assert!(verbs[0].starts_with("cancel\tNever post"), "{verbs:?}");
    assert_eq!(verbs.len(), 1, "{verbs:?}");
}

#[test]
fn fish_completes_them_too_and_says_what_each_is() {
    if !needs::program("fish") {
        return;
    }
    let (_standin, mut daemon) = with_jobs();
    assert_verb(&daemon);
    let option = fish(&daemon, "comenq post --repl");
    assert!(option[0].starts_with("--replace-key\t"), "{option:?}");
    let mut jobs = fish(&daemon, "comenq show ");
    jobs.sort();
    let expected = ["1", "2", "3"].map(|id| format!("{id}\theld octo/demo#1"));
    assert_eq!(jobs, expected);
    let account = fish(&daemon, "comenq resume d");
    assert!(account[0].starts_with("default\t"), "{account:?}");

    daemon.freeze();
    let start = Instant::now();
    assert_eq!(fish(&daemon, "comenq show "), [""; 0]);
    assert!(start.elapsed() < LONG);
    daemon.thaw();
    daemon.kill9();
    assert_eq!(fish(&daemon, "comenq show "), [""; 0]);
    assert_verb(&daemon);
}
