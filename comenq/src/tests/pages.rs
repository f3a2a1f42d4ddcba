//! The manual and the completions: made from the definitions, for every verb and shell.

use std::fs;

use super::alone;
use crate::{Exit, cli::GROUPS};

#[test]
fn every_verb_has_a_page_with_examples_and_exit_status() {
    let directory = tempfile::tempdir().unwrap();
    let ran = alone(&["man-pages", directory.path().to_str().unwrap()]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.stderr);
    let verbs: Vec<_> = GROUPS.iter().flat_map(|(_, verbs)| *verbs).collect();
    assert_eq!(ran.stdout.lines().count(), verbs.len() + 1);
    let page = |name: &str| {
        let text = fs::read_to_string(directory.path().join(name)).unwrap();
        text.replace("\\-", "-")
    };
    let main = page("comenq.1");
    for (verb, _) in verbs {
        let page = page(&format!("comenq-{verb}.1"));
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXAMPLES",
            "EXIT STATUS",
        ] {
            assert!(
                page.contains(&format!(".SH \"{section}\""))
                    || page.contains(&format!(".SH {section}")),
                "{verb}: {section}"
            );
        }
        assert!(page.contains(&format!("comenq {verb}")), "{verb}");
        assert!(main.contains(&format!("comenq-{verb}")), "{verb}");
    }
    for section in [
        "COMMANDS",
        "EXAMPLES",
        "EXIT STATUS",
        "ENVIRONMENT",
        "CAVEATS",
    ] {
        assert!(main.contains(section), "{section}");
    }
    let nowhere = alone(&["man-pages", "/nonexistent"]);
    assert_eq!(nowhere.exit, Exit::Usage);
    assert!(
        nowhere
            .stderr
            .contains("cannot write /nonexistent/comenq.1"),
        "{}",
        nowhere.stderr
    );
}

#[test]
fn every_shell_of_the_library_is_served_and_three_of_them_live() {
    for (shell, is_live) in [
        ("bash", true),
        ("zsh", true),
        ("fish", true),
        ("elvish", false),
        ("powershell", false),
    ] {
        let script = alone(&["completions", shell]).stdout;
        assert!(script.contains("comenq"), "{shell}");
        assert_eq!(script.contains("COMENQ_COMPLETE"), is_live, "{shell}");
        assert_eq!(script.contains("post-now"), !is_live, "{shell}");
    }
}
