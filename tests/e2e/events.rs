//! What happens is told as it happens: once, in order, only when it is durable, and never to
//! whom it is none of their business.

use comenq_proto::{
    EVENTS_KEPT, ErrorCode, Event, EventKind, FEATURE_EVENTS, JobState, JobSubmitBatch, Ping,
    Position, Subscribe, SubscribeReply,
};
use harness::connection::{Connection, hello};
use harness::daemon::{Daemon, submission};
use harness::github::{Fault, GithubStandin, Kind, Pause, Refusal, Scope};
use harness::{needs, wait};

use crate::world::{ISSUE, OTHER, SOON, arrived, standin, world, world_with};

/// A subscriber, and where its stream began.
fn subscribe(daemon: &Daemon, request: &Subscribe) -> (Connection, SubscribeReply) {
    let mut connection = daemon.connect();
    let reply = connection.call(request).unwrap().unwrap();
    (connection, reply)
}

fn all(daemon: &Daemon) -> Connection {
    subscribe(daemon, &Subscribe::default()).0
}

/// Events up to and with the first that `is_last` says is it.
fn until(connection: &mut Connection, is_last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = connection.event().unwrap();
        let ends = is_last(&event);
        events.push(event);
        if ends {
            return events;
        }
    }
}

/// What happened to a job up to and with this.
fn story(connection: &mut Connection, id: u64, last: EventKind) -> Vec<Event> {
    let events = until(connection, |event| {
        event.job_id == Some(id) && event.kind == last
    });
    let of_job = |event: &Event| event.job_id == Some(id);
    events.into_iter().filter(of_job).collect()
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn the_handshake_says_that_there_are_events() {
    let (_standin, daemon) = world();
    let mut connection = Connection::open(&daemon.socket()).unwrap();
    let ack = connection.hello(&hello()).unwrap().ack.unwrap();
    assert!(ack.features.iter().any(|it| it == FEATURE_EVENTS));
}

#[test]
fn a_job_is_followed_from_the_queue_to_its_comment() {
    let (_standin, daemon) = world();
    let (mut stream, reply) = subscribe(&daemon, &Subscribe::default());
    let id = daemon.submit(ISSUE, "a private text").job.id;
    let events = story(&mut stream, id, EventKind::Posted);
    let expected = [EventKind::Queued, EventKind::Claimed, EventKind::Posted];
    assert_eq!(kinds(&events), expected);
    let job = daemon.job(id);
    let last = &events[2];
    assert_eq!(last.comment_url.as_deref(), job.comment_url.as_deref());
    assert_eq!(last.state, Some(JobState::Posted));
    assert_eq!(last.target.as_deref(), Some(ISSUE));
    assert_eq!(last.account.as_deref(), Some("default"));
    assert!(!format!("{events:?}").contains("private text"));
    let seqs: Vec<u64> = events.iter().map(|event| event.position.seq).collect();
    assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    assert!(seqs[0] > reply.position.seq);
    let epochs = events.iter().map(|event| event.position.epoch);
    assert!(epochs.clone().all(|epoch| epoch == reply.position.epoch));
    assert!(epochs.max().unwrap() < 1 << 53, "JSON can hold it");
}

#[test]
fn what_people_do_to_a_job_is_told() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    daemon.wait_posted(daemon.submit(OTHER, "takes the slot").job.id);
    let mut stream = all(&daemon);
    let id = daemon.submit(ISSUE, "x").job.id.to_string();
    for words in [
        &["edit", &id, "y"][..],
        &["hold", &id],
        &["hold", &id],
        &["release", &id],
        &["bump", &id],
        &["cancel", &id],
    ] {
        daemon.cli(words).ok();
    }
    let events = story(&mut stream, 2, EventKind::Cancelled);
    let expected = [
        EventKind::Queued,
        EventKind::Edited,
        // Only once: the second time changed nothing.
        EventKind::Held,
        EventKind::Released,
        EventKind::Bumped,
        EventKind::Cancelled,
    ];
    assert_eq!(kinds(&events), expected);

    let options = ["--replace-key", "k"];
    crate::world::post(&daemon, ISSUE, "old", &options);
    crate::world::post(&daemon, ISSUE, "new", &options);
    let superseded = story(&mut stream, 3, EventKind::Cancelled).pop().unwrap();
    assert_eq!(superseded.superseded_by, Some(4));
    crate::world::post(&daemon, ISSUE, "later", &["--hold"]);
    assert_eq!(
        kinds(&story(&mut stream, 5, EventKind::Held)),
        [EventKind::Held],
        "it was never queued"
    );
}

#[test]
fn a_failure_says_why_and_its_revival_is_told() {
    let (standin, daemon) = world();
    standin.refuse(Scope::Everything, Refusal::Locked);
    let mut stream = all(&daemon);
    let id = daemon.submit(ISSUE, "x").job.id;
    let failed = story(&mut stream, id, EventKind::Failed).pop().unwrap();
    assert_eq!(failed.failure, daemon.job(id).failure);
    assert!(failed.reason.unwrap().contains("locked"));
    standin.allow(&Scope::Everything);
    daemon.cli(&["retry", &id.to_string()]).ok();
    let events = story(&mut stream, id, EventKind::Posted);
    let expected = [EventKind::Queued, EventKind::Claimed, EventKind::Posted];
    assert_eq!(kinds(&events), expected);
    assert!(
        events.iter().all(|event| event.reason.is_none()),
        "an old story"
    );
}

#[test]
fn a_limited_lane_and_its_deferred_job_are_told_and_that_it_is_over() {
    let (standin, daemon) = world();
    let limit = Refusal::RateLimited {
        reset_in_seconds: 2,
        status: 403,
    };
    standin.fault(Fault::on_post().answer(harness::github::Answer::Refuse(limit)));
    let mut stream = all(&daemon);
    let id = daemon.submit(ISSUE, "x").job.id;
    let events = until(&mut stream, |event| event.kind == EventKind::Posted);
    let of = |kind| events.iter().find(|event| event.kind == kind);
    let deferred = of(EventKind::Deferred).expect("the job was deferred");
    assert_eq!(deferred.job_id, Some(id));
    assert!(deferred.next_attempt_at_ms.unwrap() > deferred.at_ms);
    assert!(
        deferred.reason.as_ref().unwrap().contains("rate limit"),
        "{deferred:?}"
    );
    let limited = of(EventKind::LaneLimited).expect("the lane is limited");
    assert_eq!(limited.account.as_deref(), Some("default"));
    assert!(
        limited.reason.is_some() && limited.next_attempt_at_ms.is_some(),
        "{limited:?}"
    );
    let ok = of(EventKind::LaneOk).expect("the lane is well again");
    assert!(limited.position.seq < ok.position.seq);
}

#[test]
fn what_a_start_repairs_is_told_and_a_stream_of_before_begins_anew() {
    let (standin, mut daemon) = world();
    standin.fault(Fault::on_post().hold_after(Pause::UntilReleased));
    let (mut stream, _) = subscribe(&daemon, &Subscribe::default());
    let id = daemon.submit(ISSUE, "x").job.id;
    let claimed = story(&mut stream, id, EventKind::Claimed).pop().unwrap();
    arrived(&standin, Kind::Post, 1);
    daemon.kill9();
    assert!(stream.event().is_err(), "the stream ends with the daemon");
    standin.release();
    daemon.start_again();

    let after = Some(claimed.position);
    let old = Subscribe {
        after,
        ..Subscribe::default()
    };
    let (mut old, reply) = subscribe(&daemon, &old);
    assert_ne!(reply.position.epoch, claimed.position.epoch);
    let mark = old.event().unwrap();
    assert_eq!(
        (mark.kind, mark.position),
        (EventKind::Snapshot, reply.position)
    );

    let epoch = reply.position.epoch;
    let after = Some(Position { epoch, seq: 0 });
    let whole = Subscribe {
        after,
        ..Subscribe::default()
    };
    let (mut whole, _) = subscribe(&daemon, &whole);
    let events = story(&mut whole, id, EventKind::Posted);
    assert_eq!(kinds(&events), [EventKind::Uncertain, EventKind::Posted]);
    let why = events[0].reason.as_ref().unwrap();
    assert!(why.contains("while the comment was being posted"), "{why}");
}

#[test]
fn a_stream_goes_on_where_it_broke() {
    let (_standin, daemon) = world_with(|setup| setup.number("cooldown_period_seconds", 600));
    let (mut stream, _) = subscribe(&daemon, &Subscribe::default());
    daemon.wait_posted(daemon.submit(OTHER, "takes the slot").job.id);
    daemon.submit(ISSUE, "two");
    let seen = until(&mut stream, |event| event.job_id == Some(2));
    drop(stream);
    daemon.submit(ISSUE, "three");
    daemon.submit(ISSUE, "four");
    let after = seen.last().map(|event| event.position);
    let (mut stream, _) = subscribe(
        &daemon,
        &Subscribe {
            after,
            ..Subscribe::default()
        },
    );
    let events = until(&mut stream, |event| event.job_id == Some(4));
    let ids: Vec<_> = events.iter().filter_map(|event| event.job_id).collect();
    assert_eq!(
        ids,
        [3, 4],
        "nothing twice, nothing left out, no mark: {events:?}"
    );
}

#[test]
fn a_request_among_events_is_turned_down() {
    let (_standin, daemon) = world();
    let mut stream = all(&daemon);
    let id = stream.send(&Ping {}).unwrap();
    let response = stream.response().unwrap();
    assert_eq!(response.request_id, id);
    let error = harness::connection::read::<()>(&response)
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (error.code, error.retryable),
        (ErrorCode::EventsOnly, false)
    );
    assert!(stream.is_closed());
}

/// Queues so many jobs, some hundred in a batch.
fn flood(daemon: &Daemon, jobs: usize) {
    let mut connection = daemon.connect();
    let numbers: Vec<usize> = (0..jobs).collect();
    for part in numbers.chunks(500) {
        let of = |number: &usize| submission(ISSUE, &format!("flood {number}"), None);
        let jobs = part.iter().map(of).collect();
        connection.call(&JobSubmitBatch { jobs }).unwrap().unwrap();
    }
}

#[test]
fn a_slow_reader_gets_one_mark_for_all_it_missed_and_costs_no_memory() {
    const JOBS: usize = 6_000;
    let (_standin, daemon) = world_with(|setup| {
        let setup = setup.number("cooldown_period_seconds", 600).unlimited();
        setup.text("log_level", "warn")
    });
    daemon.wait_posted(daemon.submit(OTHER, "takes the slot").job.id);
    let mut slow = all(&daemon);
    flood(&daemon, JOBS);
    let last = u64::try_from(JOBS).unwrap() + 1;
    let events = until(&mut slow, |event| event.job_id == Some(last));
    let marks: Vec<_> = events.iter().filter_map(|event| event.missed).collect();
    let told = events
        .iter()
        .filter(|it| it.kind == EventKind::Queued)
        .count();
    assert_eq!(marks.len(), 1, "{marks:?}");
    assert_eq!(
        told + usize::try_from(marks[0]).unwrap(),
        JOBS,
        "all is accounted for"
    );
    assert!(told >= EVENTS_KEPT, "{told}");
    assert!(told < JOBS, "it was slow");
}

#[test]
fn nobody_hears_of_what_was_not_stored() {
    if !needs::program("strace") {
        return;
    }
    let standin = standin();
    let mut daemon = harness::setup::Setup::for_standin(&standin).start();
    daemon.term();
    // The first is the one that opening ends with; commits follow.
    let inject = "inject=fdatasync:error=EIO:when=2+";
    let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject];
    daemon.setup.wrap(&wrapper);
    daemon.spawn();
    let mut stream = wait::until("a stream, before anything is committed", SOON, || {
        let mut stream = Connection::ready(&daemon.socket()).ok()?;
        stream
            .call(&Subscribe::default())
            .ok()?
            .ok()
            .map(|_| stream)
    });
    let submitted = Connection::ready(&daemon.socket())
        .and_then(|mut it| it.call(&submission(ISSUE, "not stored", Some("k"))));
    assert!(!matches!(submitted, Ok(Ok(_))), "{submitted:?}");
    while let Ok(event) = stream.event() {
        assert_eq!(event.job_id, None, "{event:?}");
    }
    daemon.wait_exit();
}

/// The stand-in that a daemon posts to stays in scope with it.
#[test]
fn heartbeats_are_promised() {
    let (standin, daemon): (GithubStandin, Daemon) = world();
    let (_, reply) = subscribe(&daemon, &Subscribe::default());
    assert_eq!(reply.heartbeat_ms, 30_000);
    drop(standin);
}
