//! What the documentation tells people to type, and what it shows them.
//!
//! In README a block of commands is fenced as `sh`. In a manual page it is a literal display whose
//! first line begins with a prompt: `$` for anybody, `#` for root. A command goes on in lines that
//! begin with four spaces. In the journal's catalogue a command ends its line, behind a colon.

use std::fs;
use std::path::{Path, PathBuf};

/// Everything that is read; the generated pages have tests of their own.
pub(crate) const TEXTS: [&str; 6] = [
    "README.md",
    "systemd/man/comenqd.8",
    "systemd/man/comenqd.toml.5",
    "systemd/man/comenq-operations.7",
    "systemd/man/comenq-protocol.7",
    CATALOGUE,
];

/// What `journalctl -x` shows.
pub(crate) const CATALOGUE: &str = "systemd/comenq.catalog";

/// What runs as the daemon's user, in the catalogue.
const AS_THE_DAEMON: &str = "runuser -u comenq -- ";

/// The kinds of blocks that README shows beside commands.
const LANGUAGES: [&str; 3] = ["text", "json", "toml"];

/// The workspace's own directory.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn read(source: &str) -> String {
    let path = repository().join(source);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Command {
    pub(crate) source: &'static str,
    /// As it is typed, over several lines where it is written so.
    pub(crate) text: String,
    pub(crate) as_root: bool,
    /// Whether it needs root or a service manager, or stands in one block with a command that does.
    pub(crate) in_guest: bool,
}

/// What needs a service manager, or a group that these tests have not, though no root.
const OF_THE_GUEST: [&str; 3] = ["systemctl ", "loginctl ", "sg "];

/// What is shown and not typed.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) source: &'static str,
    pub(crate) text: String,
}

/// What one text says.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) commands: Vec<Command>,
    pub(crate) shown: Vec<Shown>,
    /// What stands within a sentence as code.
    pub(crate) inline: Vec<String>,
}

pub(crate) fn all() -> Vec<Text> {
    TEXTS.into_iter().map(text).collect()
}

pub(crate) fn text(source: &'static str) -> Text {
    let content = read(source);
    match source {
        "README.md" => markdown(source, &content),
        CATALOGUE => catalogue(&content),
        _ => manual(source, &content),
    }
}

fn markdown(source: &'static str, content: &str) -> Text {
    let mut text = Text::default();
    for (index, part) in content.split("\n```").enumerate() {
        // Outside and inside of fences take turns; the first line of an inside names its kind.
        if index % 2 == 0 {
            let spans = part.split('`').skip(1).step_by(2);
            text.inline.extend(spans.map(str::to_owned));
            continue;
        }
        let (language, lines) = part.split_once('\n').unwrap();
        if language == "sh" {
            let prompt = |line: &str| format!("{} {line}", prompt_of(line));
            let lines = lines.lines().map(|line| {
                if line.starts_with(' ') {
                    line.to_owned()
                } else {
                    prompt(line)
                }
            });
            text.commands
                .extend(session(source, lines.collect::<Vec<_>>().iter()));
        } else {
            assert!(
                LANGUAGES.contains(&language),
                "{source}: a block of the kind {language:?}; commands are fenced as sh"
            );
            let lines = lines.to_owned();
            text.shown.push(Shown {
                source,
                text: lines,
            });
        }
    }
    text
}

/// README has no prompts: it says `sudo`.
fn prompt_of(line: &str) -> char {
    if line.starts_with("sudo ") { '#' } else { '$' }
}

fn manual(source: &'static str, content: &str) -> Text {
    assert!(!content.contains("\n.Dl "), "{source}: one-line displays");
    let mut text = Text::default();
    let mut display: Option<Vec<String>> = None;
    for line in content.lines() {
        if let Some(quoted) = line.strip_prefix(".Ql ") {
            // What mdoc takes for punctuation behind it.
            text.inline.push(unescaped(
                quoted.trim_end_matches([' ', ',', '.', ';', ')', ':']),
            ));
        }
        match (&mut display, line) {
            (None, line) if line.starts_with(".Bd -literal") => display = Some(Vec::new()),
            (Some(lines), ".Ed") => {
                let lines = std::mem::take(lines);
                display = None;
                if lines.first().is_some_and(|line| is_prompted(line)) {
                    text.commands.extend(session(source, lines.iter()));
                } else {
                    let shown = lines.join("\n");
                    text.shown.push(Shown {
                        source,
                        text: shown,
                    });
                }
            }
            (Some(lines), line) => lines.push(unescaped(line)),
            (None, _) => {}
        }
    }
    assert!(display.is_none(), "{source}: a display without an end");
    text
}

/// Nobody runs these, for they are about a trouble that there must be.
fn catalogue(content: &str) -> Text {
    let ends = content.lines().filter_map(|line| line.rsplit_once(": "));
    let ends = ends.map(|(_, end)| end.strip_prefix(AS_THE_DAEMON).unwrap_or(end));
    Text {
        inline: ends.map(str::to_owned).collect(),
        ..Text::default()
    }
}

fn is_prompted(line: &str) -> bool {
    line.starts_with("$ ") || line.starts_with("# ")
}

fn unescaped(line: &str) -> String {
    line.replace("\\(dq", "\"")
        .replace("\\&", "")
        .replace("\\e", "\\")
}

fn session<'a>(
    source: &'static str,
    lines: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in lines {
        if is_prompted(line) {
            let (prompt, text) = line.split_once(' ').unwrap();
            commands.push(Command {
                source,
                text: without_comment(text).to_owned(),
                as_root: prompt == "#",
                in_guest: false,
            });
        } else {
            assert!(line.starts_with("    "), "{source}: no command: {line}");
            let command = commands.last_mut().unwrap();
            command.text = format!("{}\n{line}", command.text);
        }
    }
    let needs_it = |it: &Command| {
        let named = OF_THE_GUEST.iter().any(|name| it.text.starts_with(name));
        it.as_root || named
    };
    let in_guest = commands.iter().any(needs_it);
    commands.into_iter().map(move |command| Command {
        in_guest,
        ..command
    })
}

fn without_comment(line: &str) -> &str {
    line.split_once("  #")
        .map_or(line, |(text, _)| text.trim_end())
}
