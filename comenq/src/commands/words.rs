//! Words that several commands use for the same thing.

use comenq_proto::{Job, JobState};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `owner/repo#123` of a job as the daemon tells it.
pub(super) fn target(job: &Job) -> String {
    format!("{}/{}#{}", job.owner, job.repo, job.number)
}

/// `#7 for owner/repo#123`.
pub(super) fn name(job: &Job) -> String {
    format!("#{} for {}", job.id, target(job))
}

/// What went wrong, where that is not over and not said by the job's state.
pub(super) fn trouble(job: &Job) -> Option<&str> {
    let is_told = job.state == JobState::Posted || job.superseded_by.is_some();
    job.last_error.as_deref().filter(|_| !is_told)
}

/// `600 B`, `64.0 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10;
    let mut said = "B";
    for unit in UNITS {
        if tenths < 10 * 1024 {
            break;
        }
        (tenths, said) = (tenths / 1024, unit);
    }
    format!("{}.{} {said}", tenths / 10, tenths % 10)
}

/// `1st`, `2nd`, `3rd`, `4th`, …, `11th`, …, `21st`.
pub(super) fn ordinal(number: u64) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// The text, cut to so many columns of a terminal, the last of which then shows that.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut columns = 0;
    for character in text.chars() {
        columns += character.width().unwrap_or(0);
        if columns >= most {
            break;
        }
        kept.push(character);
    }
    kept + "…"
}

/// The text, as wide as that.
pub(super) fn padded(text: &str, width: usize) -> String {
    let gap = width.saturating_sub(text.width());
    format!("{text}{:gap$}", "")
}

/// `1 job`, `2 jobs`.
pub(super) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_the_largest_unit_that_fits() {
        for (bytes, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (67_108_864, "64.0 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn what_is_cut_shows_it() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüx", 3), "äö…");
        assert_eq!(cut("ab", 1), "…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(padded("日", 4), "日  ");
    }

    #[test]
    fn ordinals_are_english() {
        let said: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 101, 111, 1003]
            .into_iter()
            .map(ordinal)
            .collect();
        assert_eq!(
            said.join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 101st 111th 1003rd"
        );
    }
}
