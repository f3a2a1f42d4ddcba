//! What `--check-config` prints.
//!
//! Decides the layout: valid TOML, which can be used as a configuration file again, each value with
//! where it came from, and of a credential only its source. Filled by [`super::values`].

use std::fmt::Write as _;

use toml::Value;

use super::origin::{Origin, Section};

/// The values of one table that are in force, in the order they were asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    section: Section,
    /// Behind the table's header.
    note: Option<String>,
    lines: Vec<String>,
}

impl Block {
    pub(super) fn new(section: Section, note: Option<String>) -> Self {
        Self {
            section,
            note,
            lines: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, key: &str, value: &Value, origin: &Origin) {
        let origin = comment(&origin.to_string());
        self.lines.push(format!("{key} = {value} {origin}"));
    }

    /// A line that is only for people.
    pub(super) fn remark(&mut self, text: &str) {
        self.lines.push(comment(text));
    }
}

/// The values in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Effective(Vec<Block>);

impl Effective {
    pub(super) fn push(&mut self, block: Block) {
        self.0.push(block);
    }

    /// Puts the line of `old` in place of that for `key`, which stands outside any table.
    pub(super) fn keep(&mut self, old: &Self, key: &str) {
        let is_it = |line: &&String| line.split_once(" = ").is_some_and(|(it, _)| it == key);
        let is_flat = |block: &&Block| block.section == Section::default();
        let mut blocks = old.0.iter().filter(is_flat);
        let Some(kept) = blocks.find_map(|block| block.lines.iter().find(is_it)) else {
            return;
        };
        let blocks = self.0.iter_mut().filter(|block| is_flat(&&**block));
        for line in blocks.flat_map(|block| &mut block.lines) {
            if is_it(&&*line) {
                line.clone_from(kept);
            }
        }
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for block in &self.0 {
            let header = block.section.header();
            // A String takes everything.
            if !header.is_empty() {
                let note = block.note.as_deref().map(comment).unwrap_or_default();
                let _ = writeln!(text, "{}", format!("{header} {note}").trim_end());
            }
            for line in &block.lines {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

/// A file's path may have any character, a comment may not.
fn comment(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { '?' } else { c });
    format!("# {}", shown.collect::<String>())
}
