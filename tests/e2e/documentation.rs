//! What the documentation says is so: README, the manual pages that are written by hand, and what
//! the journal explains.
//!
//! Every command in them is run. What asks for root or systemd (`#`, `sudo`) the acceptance runs,
//! from a list that must hold exactly those, in their order; all others are run here. What the
//! journal tells to run exists. Every key, bound, code and metric that a page names is the
//! program's.

mod catalogue;
mod links;
mod pages;
mod place;
mod texts;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command as Process;

use harness::needs;
use harness::programs::program;

use place::{Place, is_endless};
use texts::{Command, Shown, repository};

/// What the acceptance runs (`guest/documented.sh`).
const IN_THE_GUEST: &str = "tests/systemd/guest/documented.commands";

/// What nobody runs, each with the reason.
const NOT_RUN: [(&str, &str); 5] = [
    (
        "cargo demo",
        "builds the workspace, whose own build runs this test",
    ),
    (
        "COMENQD_GITHUB_TOKEN=… cargo demo -- owner/repo 123 \"text\"",
        "posts to the real GitHub",
    ),
    ("tests/run --install", "runs this test; .ci/run calls it"),
    (
        "cargo build --release --bin comenqd --bin comenq",
        "the step build of tests/run does it, through debian/rules",
    ),
    (
        "sudo systemd/install.sh",
        "is for a host without comenq, and the guest has it: elsewhere.sh there runs it",
    ),
];

/// What ends with another code than 0 where no systemd is.
const FINDS_FAULTS: [&str; 1] = ["comenq doctor"];

/// What a command begins with; nothing that is merely shown may.
const PROGRAMS: [&str; 12] = [
    "apt",
    "cargo",
    "comenq",
    "comenqd",
    "dpkg",
    "install",
    "journalctl",
    "make",
    "sudo",
    "systemctl",
    "systemd-creds",
    "usermod",
];

fn commands() -> Vec<Command> {
    let texts = texts::all();
    texts.into_iter().flat_map(|text| text.commands).collect()
}

fn shown() -> Vec<Shown> {
    let texts = texts::all();
    texts.into_iter().flat_map(|text| text.shown).collect()
}

fn is_left_out(command: &Command) -> bool {
    NOT_RUN.iter().any(|(text, _)| *text == command.text)
}

#[test]
fn every_command_that_needs_no_root_works_as_it_stands() {
    let tools = ["bash", "git", "jq", "make", "script"];
    if !tools.into_iter().all(needs::program) {
        return;
    }
    let batch = shown()
        .into_iter()
        .find(|it| it.text.contains("\"target\""));
    let mut place = Place::new(&batch.unwrap().text);
    let mut wrong = Vec::new();
    let mut count = 0;
    for command in commands() {
        if command.in_guest || is_left_out(&command) {
            continue;
        }
        count += 1;
        let done = place.run(&command.text);
        let code = done.status.code().unwrap_or(-1);
        let is_well = match code {
            0 => true,
            1 => FINDS_FAULTS.contains(&&*command.text),
            124 => is_endless(&command.text),
            _ => false,
        };
        if !is_well {
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            wrong.push(format!(
                "{}: {}: {code}: {said}",
                command.source, command.text
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "only {count} commands");
}

/// A command of a text is in the list, and a line of the list is in a text.
#[test]
fn the_acceptance_runs_every_other_command() {
    let mut list = String::new();
    let mut source = "";
    let is_listed = |it: &&Command| it.in_guest && !is_left_out(it);
    for command in commands().iter().filter(is_listed) {
        if command.source != source {
            source = command.source;
            writeln!(list, "== {source}").unwrap();
        }
        let prompt = if command.as_root { '#' } else { '$' };
        writeln!(list, "{prompt} {}", command.text).unwrap();
    }
    let path = repository().join(IN_THE_GUEST);
    let listed = fs::read_to_string(&path).unwrap_or_default();
    if list != listed {
        let wanted = std::env::temp_dir().join("documented.commands");
        fs::write(&wanted, &list).unwrap();
        panic!(
            "{IN_THE_GUEST} is not what the texts say; that is in {}: copy it there, and see that \
             guest/documented.sh prepares what is new",
            wanted.display()
        );
    }
}

#[test]
fn what_is_not_run_is_in_a_text() {
    let commands = commands();
    for (text, reason) in NOT_RUN {
        let found = commands.iter().any(|it| it.text == text);
        assert!(found, "{text} ({reason}) is in no text");
    }
    let rules = texts::read("debian/rules");
    assert!(rules.contains("cargo build --release --locked --bin comenq --bin comenqd"));
    assert!(texts::read(".ci/run").contains("tests/run --install"));
    let guests = texts::read("tests/systemd/guest/guests.sh");
    assert!(guests.contains("    documented_checks\n"));
    let elsewhere = texts::read("tests/systemd/guest/elsewhere.sh");
    assert!(elsewhere.contains("systemd/install.sh\" \"$@\""));
}

#[test]
fn what_is_shown_is_no_command() {
    for shown in shown() {
        for line in shown.text.lines() {
            let first = line
                .split(' ')
                .find(|word| !word.contains('='))
                .unwrap_or("");
            let is_command = PROGRAMS.contains(&first) && !line.contains(": ");
            assert!(!is_command, "{}: not run: {line}", shown.source);
        }
    }
}

/// A verb and its options that stand in a sentence: they exist. What else stands there is also
/// among the commands.
#[test]
fn what_a_sentence_names_exists() {
    let help = |words: &[&str]| {
        let mut process = Process::new(program(words[0]));
        let output = process.args(&words[1..]).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let verbs = help(&["comenq"]);
    let verbs: BTreeSet<_> = verbs.split_whitespace().map(str::to_owned).collect();
    let commands = commands();
    for code in texts::all().into_iter().flat_map(|text| text.inline) {
        let words: Vec<_> = code.split_whitespace().collect();
        let shown = match words[..] {
            ["comenq", verb, ..] if !verb.starts_with('-') => {
                let hidden = ["man-pages", "dial-stdio"].contains(&verb);
                assert!(hidden || verbs.contains(verb), "`{code}`: no verb {verb}");
                help(&["comenq", verb])
            }
            ["comenq", ..] => help(&["comenq"]),
            ["comenqd", ..] => help(&["comenqd"]),
            [
                "sudo" | "systemctl" | "journalctl" | "systemd-creds" | "systemd-analyze",
                ..,
            ] => {
                let known = commands.iter().any(|it| it.text.contains(&code));
                assert!(known, "`{code}` is no command of a text");
                continue;
            }
            _ => continue,
        };
        let part_of_a_word = |c: char| c == '-' || c.is_ascii_alphanumeric();
        let known: BTreeSet<_> = shown.split(|c| !part_of_a_word(c)).collect();
        for option in words.iter().filter(|word| word.starts_with('-')) {
            let option = option.split('=').next().unwrap();
            assert!(known.contains(option), "`{code}`: no option {option}");
        }
    }
}
