//! What is told before it happens: what a submission would give, which jobs go next, and where one
//! stands; and lists of some jobs only.

use std::collections::BTreeSet;

use comenq_proto::{
    ErrorCode, Forecast, ForecastPost, Health, JobCheck, JobGet, JobList, JobState, JobSubmit,
    JobSubmitBatch, QueueDrain,
};
use harness::connection::Connection;
use harness::daemon::{Daemon, submission};
use harness::github::Kind;
use harness::needs;
use harness::pages::walk;
use harness::setup::{Setup, Token};

use crate::world::{ANN, BEN, ISSUE, OTHER, arrived, bodies, post_as, standin, world_with};

fn check(connection: &mut Connection, jobs: &[JobSubmit]) -> Result<(), ErrorCode> {
    let request = JobCheck {
        jobs: jobs.to_vec(),
    };
    let reply = connection.call(&request).unwrap();
    reply
        .map(|reply| assert_eq!(reply.jobs.len(), jobs.len()))
        .map_err(|error| error.code)
}

/// A daemon that posts nothing.
fn quiet(change: impl FnOnce(Setup) -> Setup) -> Daemon {
    let setup = Setup::for_standin(&standin());
    change(setup.token(Token::Absent)).start()
}

#[test]
fn a_check_stores_nothing_and_tells_what_the_submission_then_gives() {
    let daemon = quiet(|setup| setup);
    let mut connection = daemon.connect();
    daemon.submit(OTHER, "before");
    let replaced = JobSubmit {
        replace_key: Some("r".to_owned()),
        ..submission(ISSUE, "text", None)
    };
    let first = connection.call(&replaced).unwrap().unwrap().job.id;
    let wanted = JobSubmit {
        key: Some("k".to_owned()),
        ..replaced
    };
    let request = JobCheck {
        jobs: vec![wanted.clone()],
    };
    let before = (daemon.status().counts, daemon.status().own);
    let told = connection.call(&request).unwrap().unwrap();
    assert_eq!((daemon.status().counts, daemon.status().own), before);
    let given = connection.call(&wanted).unwrap().unwrap();
    let one = &told.jobs[0];
    assert_eq!((one.duplicate_of, &one.account), (None, &given.job.account));
    assert_eq!(
        (one.position, one.same_text_as, &one.superseded),
        (given.position, given.same_text_as, &vec![first])
    );
    assert_eq!(given.superseded, [first]);
    assert_eq!(told.notes.len(), 1, "no token: {:?}", told.notes);
    assert_eq!(one.notes, [format!("would replace #{first}")]);
    let again = connection.call(&request).unwrap().unwrap();
    assert_eq!(again.jobs[0].duplicate_of, Some(given.job.id));
    // Twice the same key in one check; the second would find what the first would store.
    let fresh = JobSubmit {
        key: Some("new".to_owned()),
        ..wanted
    };
    let twice = JobCheck {
        jobs: vec![fresh.clone(), fresh],
    };
    let twice = connection.call(&twice).unwrap().unwrap();
    let duplicates: Vec<_> = twice.jobs.iter().map(|it| it.duplicate_of).collect();
    assert_eq!(duplicates, [None, Some(0)]);
    let log = daemon.log();
    let lines = log.lines().filter(|line| line.contains("job_check"));
    let lines: Vec<_> = lines.collect();
    let is_quiet = |line: &&str| line.contains("DEBUG");
    assert!(!lines.is_empty() && lines.iter().all(is_quiet), "{lines:?}");
}

#[test]
fn a_check_refuses_what_a_submission_refuses() {
    let daemon = quiet(|setup| {
        setup
            .number("policy.max_queued_jobs", 2)
            .number("max_body_chars", 20)
    });
    let mut connection = daemon.connect();
    let plain = |text: &str| submission(ISSUE, text, None);
    let keyed = submission(ISSUE, "text", Some("k"));
    connection.call(&keyed).unwrap().unwrap();
    let wrong = [
        submission(ISSUE, "other", Some("k")),
        plain("more than twenty characters"),
        plain(" "),
        JobSubmit {
            account: Some("nobody".to_owned()),
            ..plain("x")
        },
        JobSubmit {
            priority: 101,
            ..plain("x")
        },
        JobSubmit {
            owner: "-".to_owned(),
            ..plain("x")
        },
    ];
    for request in wrong {
        let told = check(&mut connection, std::slice::from_ref(&request)).unwrap_err();
        let given = connection.call(&request).unwrap().unwrap_err();
        assert_eq!(told, given.code, "{request:?}");
    }
    // A limit holds for all of a check, as for a batch.
    let two = [plain("a"), plain("b")];
    assert_eq!(check(&mut connection, &two), Err(ErrorCode::QuotaExceeded));
    assert_eq!(check(&mut connection, &[]), Err(ErrorCode::InvalidValue));
    connection.call(&QueueDrain::default()).unwrap().unwrap();
    let told = check(&mut connection, &[plain("a")]);
    assert_eq!(told, Err(ErrorCode::Draining));
    assert_eq!(check(&mut connection, &[keyed]), Ok(()));
}

#[test]
fn checks_are_held_to_the_submissions_a_minute_and_use_none_of_them_up() {
    let daemon = quiet(|setup| setup.number("policy.max_submits_per_minute", 4));
    let mut connection = daemon.connect();
    let some = |count| vec![submission(ISSUE, "text", None); count];
    for _ in 0..9 {
        assert_eq!(check(&mut connection, &some(4)), Ok(()));
        let five = check(&mut connection, &some(5));
        assert_eq!(five, Err(ErrorCode::QuotaExceeded));
    }
    let batch = JobSubmitBatch { jobs: some(4) };
    connection.call(&batch).unwrap().unwrap();
    let one = check(&mut connection, &some(1));
    assert_eq!(one, Err(ErrorCode::QuotaExceeded));
}

/// Thousands of jobs in two states, and lists of some of them.
#[test]
fn a_list_of_some_jobs_has_exactly_those_and_never_looks_at_too_many() {
    let daemon = quiet(Setup::unlimited);
    let mut connection = daemon.connect();
    for batch in 0..10 {
        let jobs = (0..500).map(|n| JobSubmit {
            hold: n % 2 == 0,
            owner: if batch == 9 { "Rare" } else { "octo" }.to_owned(),
            ..submission(ISSUE, &format!("{batch} {n}"), None)
        });
        let batch = JobSubmitBatch {
            jobs: jobs.collect(),
        };
        connection.call(&batch).unwrap().unwrap();
    }
    let all = JobList {
        limit: Some(500),
        include_body: true,
        ..JobList::default()
    };
    let mut listed = BTreeSet::new();
    let rare = JobList {
        owner: Some("rARE".to_owned()),
        states: vec!["held".to_owned()],
        ..all.clone()
    };
    let walked = walk(&mut connection, rare, |job| {
        assert_eq!((job.state, job.owner.as_str()), (JobState::Held, "Rare"));
        assert!(job.body.is_some());
        listed.insert(job.id);
    });
    let walked = walked.unwrap();
    assert_eq!(listed.len(), 250);
    assert!(walked.pages > 2, "4500 others were passed: {walked:?}");
    let mine = JobList {
        mine: true,
        ..all.clone()
    };
    assert_eq!(walk(&mut connection, mine, |_| {}).unwrap().items, 5000);
    let since = JobList {
        since_ms: Some(i64::MAX),
        ..all.clone()
    };
    assert_eq!(walk(&mut connection, since, |_| {}).unwrap().items, 0);
    for wrong in [
        JobList {
            states: vec!["queued".to_owned(), "eclipsed".to_owned()],
            ..all.clone()
        },
        JobList {
            repo: Some("demo".to_owned()),
            ..all
        },
    ] {
        let error = connection.call(&wrong).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidValue);
    }
}

#[test]
fn whoever_asks_for_theirs_gets_no_others() {
    if !needs::root() {
        return;
    }
    let daemon = quiet(|setup| setup);
    let annes = post_as(&daemon, ANN, ISSUE, "ann's");
    let bens = post_as(&daemon, BEN, ISSUE, "ben's");
    daemon.submit(ISSUE, "root's");
    let mut connection = daemon.connect();
    let mine = JobList {
        mine: true,
        ..JobList::default()
    };
    let page = connection.call(&mine).unwrap().unwrap();
    let ids: Vec<_> = page.jobs.iter().map(|job| job.id).collect();
    assert_eq!(ids.len(), 1);
    assert!(!ids.contains(&annes) && !ids.contains(&bens));
}

fn forecast(connection: &mut Connection) -> Vec<ForecastPost> {
    let reply = connection.call(&Forecast::default()).unwrap().unwrap();
    assert_eq!(reply.lanes.len(), 1);
    reply.lanes.into_iter().next().unwrap().posts
}

#[test]
fn what_is_foreseen_is_what_github_then_receives() {
    if !needs::root() {
        return;
    }
    let (standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 2));
    daemon.wait_posted(daemon.submit(OTHER, "first").job.id);
    let mut connection = daemon.connect();
    for n in 0..4 {
        post_as(&daemon, ANN, ISSUE, &format!("ann {n}"));
    }
    for n in 0..2 {
        post_as(&daemon, BEN, OTHER, &format!("ben {n}"));
    }
    let soon = JobSubmit {
        delay_ms: Some(5_000),
        priority: 9,
        ..submission(ISSUE, "a little later", None)
    };
    let soon = connection.call(&soon).unwrap().unwrap().job.id;
    let hasty = daemon.submit(ISSUE, "urgent").job.id;
    daemon.cli(&["bump", &hasty.to_string()]).ok();
    let foreseen = forecast(&mut connection);
    let posted = standin.requests_of(Kind::Post).len();
    assert!(foreseen.len() >= 7, "{foreseen:?}");
    for (at, post) in (1_u64..).zip(&foreseen) {
        let shown = connection.call(&JobGet { id: post.job_id });
        let shown = shown.unwrap().unwrap();
        if shown.job.state == JobState::Queued && standin.requests_of(Kind::Post).len() == posted {
            let is_early = post.job_id == soon;
            assert_eq!(shown.position, (!is_early).then_some(at), "{post:?}");
            assert!(shown.expected_at_ms.is_some());
        }
    }
    let total = posted + foreseen.len();
    arrived(&standin, Kind::Post, total);
    let order = foreseen.iter().map(|post| {
        let shown = connection.call(&JobGet { id: post.job_id });
        shown.unwrap().unwrap().job.body.unwrap()
    });
    let order: Vec<_> = order.collect();
    assert_eq!(bodies(&standin)[posted..total], order[..]);
    let clock = connection.call(&Health {}).unwrap().unwrap();
    let offset = clock.clock_offset_ms.unwrap();
    assert!(offset.abs() < 3_000, "{offset}");
    assert_eq!(forecast(&mut connection), []);
}

#[test]
fn an_account_that_cannot_post_has_an_order_and_no_times() {
    let daemon = quiet(|setup| setup);
    let mut connection = daemon.connect();
    let id = daemon.submit(ISSUE, "text").job.id;
    let foreseen = forecast(&mut connection);
    assert_eq!(foreseen.len(), 1);
    assert_eq!((foreseen[0].job_id, foreseen[0].expected_at_ms), (id, None));
    assert_eq!(foreseen[0].target, ISSUE);
    let unknown = Forecast {
        account: Some("nobody".to_owned()),
        limit: None,
    };
    let error = connection.call(&unknown).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::UnknownAccount);
}
