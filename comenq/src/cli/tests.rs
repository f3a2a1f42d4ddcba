//! What can be typed, and what cannot.

use clap::{CommandFactory as _, error::ErrorKind};

use super::*;

fn parsed(line: &[&str]) -> Result<Cli, clap::Error> {
    let args = ["comenq"].iter().chain(line).map(OsString::from);
    parse(&args.collect::<Vec<_>>(), 80).map_err(|stop| match stop {
        Stop::Clap(error) => error,
        Stop::Screen { .. } => panic!("{line:?}"),
    })
}

fn post(line: &[&str]) -> PostArgs {
    match parsed(line).unwrap().command {
        Command::Post(args) => *args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_first_screen_has_every_verb_once() {
    let definition = definition(80);
    let verbs = definition
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set());
    let mut defined: Vec<_> = verbs.map(clap::Command::get_name).collect();
    let mut shown: Vec<_> = GROUPS
        .iter()
        .flat_map(|(_, verbs)| *verbs)
        .map(|(verb, _)| *verb)
        .collect();
    defined.sort_unstable();
    shown.sort_unstable();
    assert_eq!(defined, shown);
    let hidden = definition
        .get_subcommands()
        .filter(|verb| verb.is_hide_set());
    assert!(
        hidden
            .map(clap::Command::get_name)
            .eq(["man-pages", "dial-stdio"])
    );
}

#[test]
fn the_short_form_is_post() {
    for line in [
        &["o/r", "123", "text"][..],
        &["--json", "o/r", "123", "text"],
        &["--socket", "s", "--timeout=5s", "o/r", "123", "text"],
        &["o/r", "123", "--json", "text"],
    ] {
        let args = post(line);
        assert_eq!(args.target.as_deref(), Some("o/r"), "{line:?}");
        assert_eq!(args.rest, ["123", "text"], "{line:?}");
    }
    assert_eq!(post(&["https://github.com/o/r/pull/1", "x"]).rest, ["x"]);
    assert_eq!(post(&["o/r#1", "--key", "k"]).key.unwrap().as_str(), "k");
}

#[test]
fn a_mistyped_command_stays_an_error_with_a_suggestion() {
    let error = parsed(&["lsit"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSubcommand);
    assert!(error.to_string().contains("'list'"), "{error}");
}

#[test]
fn global_options_stand_before_and_after_the_command() {
    for line in [
        &["--json", "--socket", "/s", "--timeout", "1m", "list"][..],
        &["list", "--json", "--socket", "/s", "--timeout", "60"],
    ] {
        let global = parsed(line).unwrap().global;
        assert!(global.json);
        assert_eq!(global.socket, Some(PathBuf::from("/s")));
        assert_eq!(global.timeout, Some(Duration::from_mins(1)));
    }
}

#[test]
fn impossible_times_ids_and_keys_are_usage_errors() {
    for line in [
        &["--timeout", "0", "list"][..],
        &["--timeout", "-3s", "list"],
        &["--timeout", "367d", "list"],
        &["--timeout", "soon", "list"],
        &["show", "0"],
        &["cancel", "1", "x"],
        &["post", "o/r#1", "--key", "a b", "text"],
        &["list", "--limit", "0"],
        &["post", "o/r", "1", "text", "more"],
        &["post"],
        &["post", "o/r#1", "x", "--priority", "101"],
        &["post", "o/r#1", "x", "--priority", "-101"],
        &["post", "o/r#1", "x", "--not-before", "so"],
        &["post", "o/r#1", "x", "--expires", "-1h"],
        &["post", "o/r#1", "x", "--replace-key", "a b"],
        &["post", "--batch", "f", "o/r#1"],
        &["post", "--batch", "f", "--hold"],
        &["post", "--batch", "f", "--priority", "0"],
        &["post", "--batch", "f", "-F", "g"],
        &["edit"],
        &["edit", "1", "text", "more"],
        &["cancel", "9..4"],
        &["cancel", "1..1001"],
        &["cancel", "1", "--state", "held"],
        &["cancel", "--state", "hold"],
        &["wait"],
        &["wait", "1..4"],
        &["list", "--repo", "a b"],
        &["list", "--since", "60"],
        &["list", "--timeline", "--watch"],
        &["list", "--color", "blue"],
        &["post", "o/r#1", "x", "--at", "1h", "--in", "1h"],
        &["post", "o/r#1", "x", "--in", "tomorrow"],
        &["post", "o/r#1", "x", "--wait=0"],
        &["post", "o/r#1", "x", "--wait", "--dry-run"],
        &["post", "o/r#1", "-e", "--dry-run"],
        &["post", "o/r#1", "x", "-q", "--json"],
        &["post", "--batch", "f", "--wait"],
        &["--host", "-oProxyCommand=x", "list"],
        &["--host", "a", "--socket", "b", "list"],
        &["completions", "tcsh"],
        &["retry", "1", "--reason", "locked"],
        &["retry", "--reason", "lokced"],
        &["resume", "a", "b"],
        &["pause", "bot"],
        &["drain", "--off", "--reason", "x"],
        &["post-now"],
        &["post-now", "1", "2"],
        &["purge"],
        &["export", "x"],
    ] {
        let error = parsed(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line:?}");
    }
}

#[test]
fn what_is_below_zero_is_told_what_is_wrong_with_it() {
    for (line, said) in [
        (
            &["post", "o/r#1", "x", "--expires", "-5m"][..],
            "above zero",
        ),
        (&["post", "o/r#1", "x", "--not-before", "-5m"], "above zero"),
        (&["list", "--timeout", "-3s"], "60s, 500ms or 2m"),
        (&["list", "--limit", "-1"], "-1 is not in 1..="),
        (&["show", "-1"], "invalid value '-1' for '<ID>'"),
        (&["cancel", "-1"], "invalid value '-1' for '[ID]...'"),
        (&["retry", "-1"], "invalid value '-1' for '[ID]...'"),
        (&["edit", "-1", "x"], "invalid value '-1' for '<ID>'"),
    ] {
        let error = parsed(line).unwrap_err().to_string();
        assert!(error.contains(said), "{line:?}: {error}");
        assert!(!error.contains("-- -"), "{line:?}: {error}");
    }
    assert_eq!(post(&["o/r#1", "-1"]).rest, ["-1"]);
    assert_eq!(post(&["o/r", "-1", "x"]).rest, ["-1", "x"]);
}

#[test]
fn json_is_seen_before_parsing_but_not_in_a_body() {
    let seen = |line: &[&str]| Early::of(&line.iter().map(OsString::from).collect::<Vec<_>>());
    assert!(seen(&["comenq", "nonsense", "--json"]).json);
    assert!(!seen(&["comenq", "post", "o/r#1", "--", "--json"]).json);
    for line in [
        &["comenq", "--color", "never", "x"][..],
        &["comenq", "x", "--color=never"],
    ] {
        assert_eq!(seen(line).colour, Colour::Never, "{line:?}");
    }
    assert_eq!(seen(&["comenq", "--color", "blue"]).colour, Colour::Auto);
}

#[test]
fn the_options_of_post_are_taken_and_left_out() {
    let options = post(&["o/r#1", "x"]).options;
    assert_eq!((options.priority, options.if_open), (0, false));
    let line = ["post", "o/r#1", "x", "--priority", "-7", "--if-open"];
    let options = post(&line).options;
    assert_eq!((options.priority, options.if_open), (-7, true));
    assert_eq!(post(&["post", "--batch", "-", "--key", "k"]).target, None);
}
