//! Words that several commands use for the same thing.

use comenq_proto::Job;

/// `owner/repo#123` of a job as the daemon tells it.
pub(super) fn target(job: &Job) -> String {
    format!("{}/{}#{}", job.owner, job.repo, job.number)
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
