//! `comenq completions`: what a shell needs to complete words.
//!
//! Decides nothing: the library knows the shells. Where it can, the script calls back
//! with the words typed so far (see [`complete`](mod@crate::complete)), so that it never
//! grows old and knows jobs and accounts.

use clap_complete::{Shell, env::Shells, generate};

use super::Context;
use crate::{
    cli::{CompletionsArgs, definition},
    complete::VARIABLE,
    exit::Exit,
    failure::Failure,
};

const NAME: &str = "comenq";

pub(super) fn run(args: &CompletionsArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    let name = args.shell.to_string();
    let live = [Shell::Bash, Shell::Zsh, Shell::Fish].contains(&args.shell);
    if let Some(shell) = Shells::builtins().completer(&name).filter(|_| live) {
        shell
            .write_registration(VARIABLE, NAME, NAME, NAME, &mut script)
            .map_err(|error| Failure::new("output", Exit::Trouble, error.to_string()))?;
    } else {
        let mut definition = definition(context.output.look().wrap());
        generate(args.shell, &mut definition, NAME, &mut script);
    }
    context.output.text(&String::from_utf8_lossy(&script))
}
