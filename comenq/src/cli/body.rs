//! Where a comment's text is given: `post` and `edit` have the same options.

use std::path::PathBuf;

use clap::Args;

// The text beside the argument. No doc comment: it would stand in help.
#[derive(Debug, Default, Args)]
pub(crate) struct BodyArgs {
    /// Read the comment from a file (`-`: standard input)
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write it in your editor ($VISUAL, $EDITOR)
    #[arg(short = 'e', long)]
    pub(crate) editor: bool,
}
