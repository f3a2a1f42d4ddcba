//! Bars on a terminal, one below the other, that are drawn anew where they stand.
//!
//! Decides what a terminal is told for that, and what fits on it. By hand, for a library of
//! progress bars also tells speeds, and the maths library that takes is loaded at the start of
//! every verb: 0.18 ms, a sixth of a whole post (measured with indicatif 0.18).

use std::fmt::Write as _;

use super::words::cut;
use crate::output::Output;

/// What a terminal obeys: clear what is below.
const CLEAR: &str = "\r\u{1b}[J";

/// Columns of a bar.
const COLUMNS: usize = 20;

/// How far something is.
pub(super) struct Bar {
    /// In units of `total`.
    pub(super) passed: u64,
    pub(super) total: u64,
    /// What it is.
    pub(super) text: String,
}

impl Bar {
    /// `[====>   ]` without its ends, and the text.
    fn line(&self, width: usize) -> String {
        let filled = u128::from(self.passed) * COLUMNS as u128 / u128::from(self.total.max(1));
        let filled = usize::try_from(filled).map_or(COLUMNS, |it| it.min(COLUMNS));
        let head = if filled < COLUMNS { ">" } else { "" };
        let bar = "=".repeat(filled) + head;
        cut(&format!("{bar:COLUMNS$} {}", self.text), width)
    }
}

/// What stands on the terminal.
#[derive(Default)]
pub(super) struct Bars {
    lines: usize,
}

impl Bars {
    /// Draws them where the last ones stood: as many as fit on a terminal of these columns
    /// and rows.
    pub(super) fn draw(
        &mut self,
        bars: impl Iterator<Item = Bar>,
        (columns, rows): (usize, usize),
        output: &mut Output<'_>,
    ) {
        let mut text = self.gone();
        // The cursor stands below them; behind the last column some terminals begin a new line.
        for bar in bars.take(rows.saturating_sub(1)) {
            text += &bar.line(columns.saturating_sub(1));
            text.push('\n');
            self.lines += 1;
        }
        output.draw(&text);
    }

    /// Leaves nothing of them.
    pub(super) fn clear(&mut self, output: &mut Output<'_>) {
        if self.lines > 0 {
            output.draw(&self.gone());
        }
    }

    /// What removes the ones that stand there.
    fn gone(&mut self) -> String {
        let mut text = String::new();
        if self.lines > 0 {
            let _infallible = write!(text, "\u{1b}[{}A{CLEAR}", self.lines);
        }
        self.lines = 0;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_is_cut_where_the_terminal_ends() {
        let line = |passed, total, width| {
            let text = "é: posting".to_owned();
            let bar = Bar {
                passed,
                total,
                text,
            };
            bar.line(width)
        };
        assert_eq!(line(0, 100, 80), ">                    é: posting");
        assert_eq!(line(50, 100, 80), "==========>          é: posting");
        assert_eq!(line(100, 100, 80), "==================== é: posting");
        assert_eq!(line(7, 0, 80), "==================== é: posting");
        assert_eq!(
            line(u64::MAX, u64::MAX, 80),
            "==================== é: posting"
        );
        assert_eq!(line(0, 100, 25), ">                    é: …");
    }
}
