//! What `--check-config` prints.
//!
//! Decides the layout: valid TOML, each value with where it came from, and of the token only its
//! source. Filled by [`super::values`].

use std::fmt::Write as _;

use toml::Value;

use super::raw::Origin;
use super::token::Token;

/// The values in force, in the order they were asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Effective(Vec<(&'static str, Value, Origin)>);

impl Effective {
    pub(super) fn push(&mut self, key: &'static str, value: Value, origin: Origin) {
        self.0.push((key, value, origin));
    }

    pub(super) fn render(&self, token: Option<&Token>) -> String {
        let mut text = String::new();
        for (key, value, origin) in &self.0 {
            // A String takes everything.
            let _ = writeln!(text, "{key} = {value} # {origin}");
        }
        let _ = match token {
            Some(token) => writeln!(text, "# github_token: from {}", token.source),
            None => writeln!(
                text,
                "# github_token: none; jobs are stored, but nothing is posted until one is \
                 configured"
            ),
        };
        text
    }
}
