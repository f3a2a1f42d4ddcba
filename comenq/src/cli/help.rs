//! The first screen of help: every verb, by what it is for.
//!
//! Decides the groups, the few words that each verb gets there, and the layout. clap
//! lists verbs in one column without groups; on a usual terminal that is no one screen.

/// A group of verbs, each with what it does in a few words.
type Group = (&'static str, &'static [(&'static str, &'static str)]);

/// The verbs by what they are for, in the order of a job's life.
pub(crate) const GROUPS: [Group; 5] = [
    ("Post", &[("post", "Queue a comment")]),
    (
        "Look",
        &[
            ("list", "Your jobs, as a table"),
            ("show", "One job, as a story"),
            ("history", "Finished jobs"),
            ("wait", "Wait until posted"),
            ("watch", "What happens, live"),
            ("status", "The daemon and accounts"),
            ("health", "Well? Exit code 0 or 1"),
            ("metrics", "Counters for monitoring"),
            ("ping", "Does the daemon answer?"),
            ("doctor", "What is wrong, what helps"),
        ],
    ),
    (
        "Change",
        &[
            ("edit", "Give a job another text"),
            ("hold", "Keep from being posted"),
            ("release", "Let held jobs go on"),
            ("bump", "Put before your others"),
            ("cancel", "Never post"),
            ("retry", "Revive failed jobs"),
        ],
    ),
    (
        "Admin",
        &[
            ("pause", "Post nothing more"),
            ("resume", "Post again"),
            ("drain", "Take no new jobs"),
            ("post-now", "Post one at once"),
            ("purge", "Remove finished jobs"),
            ("export", "The queue, as a backup"),
        ],
    ),
    ("Shell", &[("completions", "Words for your shell")]),
];

const HEAD: &str = "\
Queue GitHub comments, posted at a pace GitHub tolerates.

Usage: comenq [OPTIONS] COMMAND …
       comenq OWNER/REPO NUMBER [BODY]    short for post
";

const TAIL_WIDE: &str = "
Options --json          JSON, errors too     --color WHEN    auto, always, never
        --host HOST     ask there, over ssh  --socket PATH   another socket
        --timeout TIME  patience, 60s        --trust-socket  whoever listens
Exit codes: 0 done, 1 trouble, 2 usage, 3 unreachable, 4 refused, 5 job's state,
6 not posted, 7 time is up, 8 versions. More: comenq COMMAND --help, man comenq
";

const TAIL: &str = "
Options --json          JSON, errors too
        --color WHEN    auto, always or never
        --host HOST     ask there, over ssh
        --socket PATH   another socket
        --timeout TIME  patience, 60s
        --trust-socket  whoever listens there
Exit codes: 0 done, 1 trouble, 2 usage, 3 unreachable,
4 refused, 5 job's state, 6 not posted, 7 time is up,
8 versions.
More: comenq COMMAND --help, man comenq
";

/// Columns for a group's name, for a verb, and for what it does.
const NAME: usize = 8;
const VERB: usize = 9;
const ABOUT: usize = 27;

/// The screen, as wide as that.
pub(crate) fn screen(width: usize) -> String {
    let is_wide = width >= NAME + 2 * (VERB + ABOUT);
    let columns = if is_wide { 2 } else { 1 };
    let mut text = format!("{HEAD}\n");
    for (group, verbs) in GROUPS {
        let rows = verbs.len().div_ceil(columns);
        for row in 0..rows {
            let cells = (0..columns).filter_map(|column| verbs.get(column * rows + row));
            let cells = cells.map(|(verb, about)| format!("{verb:0$} {about:1$}", VERB - 1, ABOUT));
            let head = if row == 0 { group } else { "" };
            let line: String = cells.collect();
            text.push_str(format!("{head:NAME$}{line}").trim_end());
            text.push('\n');
        }
    }
    text + if is_wide { TAIL_WIDE } else { TAIL }
}
