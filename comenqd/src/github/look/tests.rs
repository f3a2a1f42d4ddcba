use proptest::prelude::*;

use super::*;

const ME: u64 = 9;
const OTHER: u64 = 10;
const BODY: &str = "fixed in main";
const DELAY: Duration = Duration::from_secs(60);

/// Seconds on GitHub's clock.
fn at(seconds: i64) -> UnixMs {
    UnixMs(1_795_176_000_000 + seconds * 1000)
}

/// An attempt from 0 to 30.
fn attempt() -> Window {
    Window {
        started_github: at(0),
        ended_github: at(30),
        user_id: ME,
        marker: false,
    }
}

fn comment(id: u64, user_id: u64, seconds: i64, body: &str) -> Comment {
    Comment {
        id,
        url: format!("https://github.com/o/r/issues/1#issuecomment-{id}"),
        user_id,
        created_at: at(seconds),
        body: body.to_owned(),
    }
}

fn posted(id: u64) -> Finding {
    let url = comment(id, ME, 0, "").url;
    Finding::Posted { id, url }
}

fn ambiguous(id: u64) -> Finding {
    let url = comment(id, ME, 0, "").url;
    Finding::Ambiguous { url }
}

fn nobodys(_: u64) -> bool {
    false
}

#[test]
fn one_attempt_one_comment() {
    let year = 365 * 86_400;
    for (seconds, user, body, want) in [
        (10, ME, BODY, posted(1)),
        // Five seconds early is still ours; six is an older comment.
        (-5, ME, BODY, posted(1)),
        (-6, ME, BODY, Finding::Nothing),
        // Carried out long after we gave it up.
        (91, ME, BODY, posted(1)),
        (year, ME, BODY, posted(1)),
        // Other words count in the window only: 30 + 60 s.
        (-5, ME, "fixed", ambiguous(1)),
        (-6, ME, "fixed", Finding::Nothing),
        (10, ME, "fixed", ambiguous(1)),
        (90, ME, "fixed", ambiguous(1)),
        (91, ME, "fixed", Finding::Nothing),
        // Somebody else said the same, or something else.
        (10, OTHER, BODY, Finding::Nothing),
        (10, OTHER, "fixed", Finding::Nothing),
        (10, 0, BODY, Finding::Nothing),
    ] {
        let listing = [comment(1, user, seconds, body)];
        let found = find(&listing, BODY, &[attempt()], DELAY, None, nobodys);
        assert_eq!(found, want, "{body:?} by {user} at {seconds}");
    }
}

#[test]
fn the_edges_are_exact_to_the_millisecond() {
    let mut early = comment(1, ME, 0, BODY);
    early.created_at = UnixMs(at(-5).0 - 1);
    let mut late = comment(1, ME, 0, "else");
    late.created_at = UnixMs(at(90).0 + 1);
    for listing in [[early], [late]] {
        let found = find(&listing, BODY, &[attempt()], DELAY, None, nobodys);
        assert_eq!(found, Finding::Nothing);
    }
}

#[test]
fn an_empty_listing_and_no_attempt_find_nothing() {
    assert_eq!(
        find(&[], BODY, &[attempt()], DELAY, None, nobodys),
        Finding::Nothing
    );
    let listing = [comment(1, ME, 10, BODY)];
    assert_eq!(
        find(&listing, BODY, &[], DELAY, None, nobodys),
        Finding::Nothing
    );
}

#[test]
fn a_comment_of_another_job_is_not_ours_whatever_it_says() {
    let listing = [comment(1, ME, 10, BODY), comment(2, ME, 11, "else")];
    let both = find(&listing, BODY, &[attempt()], DELAY, None, |id| id <= 2);
    assert_eq!(both, Finding::Nothing);
    let first = find(&listing, BODY, &[attempt()], DELAY, None, |id| id == 1);
    assert_eq!(first, ambiguous(2));
    let twins = [comment(1, ME, 10, BODY), comment(2, ME, 11, BODY)];
    assert_eq!(
        find(&twins, BODY, &[attempt()], DELAY, None, |id| id == 1),
        posted(2)
    );
}

#[test]
fn an_equal_text_goes_before_an_odd_one_and_the_oldest_before_the_rest() {
    let listing = [
        comment(5, ME, 12, BODY),
        comment(3, ME, 10, "else"),
        comment(4, ME, 11, BODY),
    ];
    assert_eq!(
        find(&listing, BODY, &[attempt()], DELAY, None, nobodys),
        posted(4)
    );
    let odd = [comment(8, ME, 12, "b"), comment(7, ME, 10, "a")];
    assert_eq!(
        find(&odd, BODY, &[attempt()], DELAY, None, nobodys),
        ambiguous(7)
    );
}

#[test]
fn each_attempt_counts_for_its_own_user() {
    let second = Window {
        started_github: at(1000),
        ended_github: at(1030),
        user_id: OTHER,
        marker: false,
    };
    let attempts = [attempt(), second];
    for (seconds, user, body, want) in [
        (10, ME, BODY, posted(1)),
        (1010, OTHER, BODY, posted(1)),
        (1010, ME, BODY, posted(1)),
        // Before the second attempt the second user posted nothing of ours.
        (10, OTHER, BODY, Finding::Nothing),
        (994, OTHER, BODY, Finding::Nothing),
        (995, OTHER, BODY, posted(1)),
        // In the second window, but by the first user.
        (1010, ME, "else", Finding::Nothing),
        (1010, OTHER, "else", ambiguous(1)),
    ] {
        let listing = [comment(1, user, seconds, body)];
        let found = find(&listing, BODY, &attempts, DELAY, None, nobodys);
        assert_eq!(found, want, "{body:?} by {user} at {seconds}");
    }
}

#[test]
fn an_end_before_the_start_does_not_close_the_window() {
    let odd = Window {
        ended_github: at(-500),
        ..attempt()
    };
    let listing = [comment(1, ME, 60, "else")];
    assert_eq!(
        find(&listing, BODY, &[odd], DELAY, None, nobodys),
        ambiguous(1)
    );
}

/// The marker of a job of one store.
fn mark(job: u64) -> Marker {
    Marker {
        store: uuid::Uuid::from_u128(7),
        job: comenq_proto::JobId::new(job).unwrap(),
    }
}

#[test]
fn with_a_marker_nothing_but_the_marker_counts() {
    let (ours, other) = (mark(1), mark(2));
    let marked = Window {
        marker: true,
        ..attempt()
    };
    let unmarked = Window {
        started_github: at(1000),
        ended_github: at(1030),
        ..attempt()
    };
    for (attempts, seconds, user, body, want) in [
        (vec![marked], 10, ME, ours.append_to(BODY), posted(1)),
        // A gateway added a line, a person edited it: the marker is still there.
        (
            vec![marked],
            10,
            ME,
            ours.append_to("else") + "\n-- \nsent",
            posted(1),
        ),
        (vec![marked], 900, ME, ours.append_to("else"), posted(1)),
        (vec![marked], -6, ME, ours.append_to(BODY), Finding::Nothing),
        (
            vec![marked],
            10,
            OTHER,
            ours.append_to(BODY),
            Finding::Nothing,
        ),
        // Not even an equal text is ours without it, and nothing is ambiguous.
        (vec![marked], 10, ME, BODY.to_owned(), Finding::Nothing),
        (vec![marked], 10, ME, "else".to_owned(), Finding::Nothing),
        (
            vec![marked],
            10,
            ME,
            other.append_to(BODY),
            Finding::Nothing,
        ),
        // Another job quotes our marker and bears its own.
        (
            vec![marked],
            10,
            ME,
            other.append_to(&ours.to_string()),
            Finding::Nothing,
        ),
        // Each attempt by how it was sent.
        (vec![unmarked], 1010, ME, BODY.to_owned(), posted(1)),
        (vec![unmarked], 1010, ME, "else".to_owned(), ambiguous(1)),
        (
            vec![unmarked],
            1010,
            ME,
            other.append_to("else"),
            Finding::Nothing,
        ),
        (
            vec![unmarked],
            1010,
            ME,
            other.append_to(BODY),
            Finding::Nothing,
        ),
        (
            vec![marked, unmarked],
            10,
            ME,
            BODY.to_owned(),
            Finding::Nothing,
        ),
        (vec![marked, unmarked], 1010, ME, BODY.to_owned(), posted(1)),
        (
            vec![marked, unmarked],
            1010,
            ME,
            ours.append_to(BODY),
            posted(1),
        ),
    ] {
        let listing = [comment(1, user, seconds, &body)];
        let found = find(&listing, BODY, &attempts, DELAY, Some(&ours), nobodys);
        assert_eq!(
            found, want,
            "{body:?} by {user} at {seconds} after {attempts:?}"
        );
    }
}

#[test]
fn a_marker_quoted_in_the_text_hides_nothing() {
    let (ours, other) = (mark(1), mark(2));
    let body = format!("what is {other} for?");
    for (marker, text, want) in [
        (false, body.clone(), posted(1)),
        (false, format!("{body} [sic]"), ambiguous(1)),
        (true, ours.append_to(&body), posted(1)),
        (true, mark(3).append_to(&body), Finding::Nothing),
    ] {
        let attempts = [Window {
            marker,
            ..attempt()
        }];
        let listing = [comment(1, ME, 10, &text)];
        let found = find(&listing, &body, &attempts, DELAY, Some(&ours), nobodys);
        assert_eq!(found, want, "{text}");
    }
}

#[test]
fn who_does_not_know_the_marker_never_finds_nothing_where_it_is() {
    let attempts = [Window {
        marker: true,
        ..attempt()
    }];
    let listing = [comment(1, ME, 10, &mark(1).append_to(BODY))];
    let found = find(&listing, BODY, &attempts, DELAY, None, nobodys);
    assert_eq!(found, ambiguous(1));
}

#[test]
fn since_is_ten_minutes_before_the_first_attempt() {
    let late = Window {
        started_github: at(5000),
        ..attempt()
    };
    assert_eq!(since(&[late, attempt()]), Some(at(-600)));
    assert_eq!(since(&[]), None);
}

#[test]
fn line_ends_and_trailing_white_space_do_not_count() {
    for (left, right, equal) in [
        ("a\nb", "a\r\nb", true),
        ("a\nb", "a\rb", true),
        ("a\nb", "a  \nb\t\n\n \n", true),
        ("a\nb", "a\u{a0}\nb\u{3000}", true),
        ("a\n\nb", "a\r\rb", true),
        ("a\n\nb", "a\nb", false),
        ("a", " a", false),
        ("a\n b", "a\nb", false),
        ("\na", "a", false),
        ("a", "A", false),
        ("", "\r\n ", true),
    ] {
        assert_eq!(
            normalised(left) == normalised(right),
            equal,
            "{left:?} {right:?}"
        );
    }
}

proptest! {
    #[test]
    fn a_text_survives_every_spelling_of_its_ends(
        lines in proptest::collection::vec("[a-z *>#`é]{0,8}", 1..8),
        blanks in proptest::collection::vec("[ \t]{0,3}", 8),
        end in 0_usize..3,
    ) {
        let plain = lines.join("\n");
        let mut spelled = String::new();
        for (line, blank) in lines.iter().zip(&blanks) {
            spelled.push_str(line);
            spelled.push_str(blank);
            spelled.push_str(["\n", "\r\n", "\r"][end]);
        }
        prop_assert_eq!(normalised(&plain), normalised(&spelled));
    }

    #[test]
    fn to_normalise_twice_changes_nothing(text in "\\PC*|[ \t\r\na]{0,20}") {
        let once = normalised(&text);
        prop_assert_eq!(normalised(&once), once);
    }

    /// What is found exists, is of the right user, not before the margin and nobody else's; and
    /// an equal text there is never overlooked.
    #[test]
    fn a_finding_is_always_a_candidate(
        listing in proptest::collection::vec(
            (1_u64..50, 8_u64..11, -20_i64..200, "fixed in main|other"), 0..12),
        owned_to in 0_u64..50,
    ) {
        let listing: Vec<Comment> = listing
            .into_iter()
            .map(|(id, user, seconds, body)| comment(id, user, seconds, &body))
            .collect();
        let ours = |c: &Comment| c.user_id == ME && c.created_at >= at(-5) && c.id > owned_to;
        let equal = listing.iter().filter(|c| ours(c) && c.body == BODY).map(|c| c.id).min();
        let odd = listing.iter().any(|c| ours(c) && c.created_at <= at(90));
        match find(&listing, BODY, &[attempt()], DELAY, None, |id| id <= owned_to) {
            Finding::Posted { id, .. } => prop_assert_eq!(Some(id), equal),
            Finding::Ambiguous { .. } => prop_assert!(equal.is_none() && odd),
            Finding::Nothing => prop_assert!(equal.is_none() && !odd),
        }
    }
}
