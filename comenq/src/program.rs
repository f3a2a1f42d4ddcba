//! A program that the user names in the environment: an editor, a pager.
//!
//! Decides whether a shell is needed for it. Only for what a shell alone understands:
//! one would start although the program is not there, and would die of an interrupt
//! that the program takes.

use std::{ffi::OsStr, process::Command};

/// What only a shell understands.
const SPECIAL: [char; 21] = [
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '?', '[', '#', '~', '=',
    '%', '!', '\n',
];

/// How to run what was said, with one more argument perhaps.
pub(crate) fn command(said: &OsStr, argument: Option<&OsStr>) -> Command {
    let plain = said.to_str().filter(|said| !said.contains(SPECIAL));
    let mut words = plain.unwrap_or_default().split_whitespace();
    if let Some(program) = words.next() {
        let mut command = Command::new(program);
        command.args(words).args(argument);
        return command;
    }
    let mut script = said.to_owned();
    script.push(argument.map_or("", |_| " \"$@\""));
    let mut shell = Command::new("sh");
    shell.args([OsStr::new("-c"), &script, OsStr::new("sh")]);
    shell.args(argument);
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_runs_only_what_it_alone_understands() {
        let argument = Some(OsStr::new("/tmp/a file"));
        let said = |said: &str| format!("{:?}", command(OsStr::new(said), argument));
        assert_eq!(said("vim  -f "), r#""vim" "-f" "/tmp/a file""#);
        let through_shell = r#""sh" "-c" "ED=1 vim \"$@\"" "sh" "/tmp/a file""#;
        assert_eq!(said("ED=1 vim"), through_shell);
        let pager = format!("{:?}", command(OsStr::new("less | cat"), None));
        assert_eq!(pager, r#""sh" "-c" "less | cat" "sh""#);
    }
}
