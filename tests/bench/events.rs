//! What two hundred subscribers cost whoever submits, and what they cost in memory; and what a
//! probe of the daemon's health costs.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use comenq_proto::{Health, Subscribe};
use harness::connection::Connection;
use harness::daemon::Daemon;
use nix::poll::{PollFd, PollFlags, poll};

use crate::Failure;
use crate::load::{self, CONNECTIONS};
use crate::post::post_over;
use crate::sample::{Samples, per_second, timed};
use crate::stage::Stage;
use crate::table::{Aim, Row, Value};

/// As many as the promise is about.
const SUBSCRIBERS: usize = 200;

/// Milliseconds after which the readers look whether to end.
const GLANCE_MS: u8 = 100;

/// A daemon with all its subscribers beside one with none, in turns.
pub(crate) fn subscribers(stage: &Stage) -> Result<Vec<Row>, Failure> {
    let (disk, busy_disk) = (stage.disk()?, stage.disk()?);
    let (alone, busy) = (stage.daemon(&disk), stage.daemon(&busy_disk));
    let audience = Audience::gather(&busy)?;
    let (mut to_alone, mut to_busy) = (connect(&alone)?, connect(&busy)?);
    let (without, with) = Samples::in_turns(
        stage.times(4000),
        || post_over(&mut to_alone),
        || timed(|| post_over(&mut to_busy)),
    )?;
    let (probes, _) = Samples::in_turns(
        stage.times(2000),
        || to_busy.call(&Health {}).map(drop).map_err(Into::into),
        || Ok(std::time::Duration::ZERO),
    )?;
    let total = stage.times(50_000);
    let rate = |daemon: &Daemon| {
        let took = load::post(&daemon.socket(), total)?;
        Ok::<f64, Failure>(per_second(total, took))
    };
    let (rate_without, rate_with) = (rate(&alone)?, rate(&busy)?);
    let (rss_without, rss_with) = (alone.rss_kb(), busy.rss_kb());
    let heard = audience.disperse()?;
    if heard == 0 {
        return Err("nobody heard anything".into());
    }
    let row = |what: String, figure, floor, floor_is, aim| Row {
        what,
        figure,
        floor,
        floor_is,
        aim,
    };
    let crowd = format!("{SUBSCRIBERS} subscribers");
    let time = Value::Time;
    let nobody = "no subscriber";
    Ok(vec![
        row(
            format!("durable post, {crowd}: p50"),
            time(with.p50()),
            time(without.p50()),
            nobody,
            Aim::TimesFloor(2.0),
        ),
        row(
            format!("durable post, {crowd}: p99"),
            time(with.p99()),
            time(without.p99()),
            nobody,
            Aim::None,
        ),
        row(
            format!("{CONNECTIONS} connections, {crowd}"),
            Value::Rate(rate_with),
            Value::Rate(rate_without),
            nobody,
            Aim::AtLeastTimesFloor(0.5),
        ),
        row(
            format!("RSS after {total} posts, {crowd}"),
            Value::Kilobytes(rss_with),
            Value::Kilobytes(rss_without),
            nobody,
            Aim::None,
        ),
        row(
            "health: p99".to_owned(),
            time(probes.p99()),
            time(without.p50()),
            "one durable post",
            Aim::None,
        ),
    ])
}

fn connect(daemon: &Daemon) -> Result<Connection, Failure> {
    Ok(Connection::ready(&daemon.socket())?)
}

/// Subscribers that read all they get, on one thread: two hundred would measure the scheduler.
struct Audience {
    over: Arc<AtomicBool>,
    heard: Arc<AtomicU64>,
    reader: JoinHandle<Result<(), String>>,
}

impl Audience {
    fn gather(daemon: &Daemon) -> Result<Self, Failure> {
        let mut streams = Vec::new();
        for _ in 0..SUBSCRIBERS {
            let mut connection = connect(daemon)?;
            connection.call(&Subscribe::default())??;
            let stream = connection.into_stream();
            stream.set_nonblocking(true)?;
            streams.push(stream);
        }
        let over = Arc::new(AtomicBool::new(false));
        let heard = Arc::new(AtomicU64::new(0));
        let (is_over, count) = (Arc::clone(&over), Arc::clone(&heard));
        let reader = thread::spawn(move || {
            listen(&mut streams, &is_over, &count).map_err(|error| error.to_string())
        });
        Ok(Self {
            over,
            heard,
            reader,
        })
    }

    /// How many bytes all of them got.
    fn disperse(self) -> Result<u64, Failure> {
        self.over.store(true, Ordering::Relaxed);
        self.reader.join().map_err(|_| "a reader panicked")??;
        Ok(self.heard.load(Ordering::Relaxed))
    }
}

fn listen(streams: &mut [UnixStream], over: &AtomicBool, heard: &AtomicU64) -> Result<(), Failure> {
    let mut scrap = vec![0; 1 << 16];
    while !over.load(Ordering::Relaxed) {
        let mut wanted: Vec<_> = streams
            .iter()
            .map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut wanted, GLANCE_MS)?;
        let ready: Vec<_> = wanted.iter().map(|it| it.any() == Some(true)).collect();
        for (stream, _) in streams.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            match stream.read(&mut scrap) {
                Ok(0) => return Err("comenqd dropped a subscriber".into()),
                Ok(count) => heard.fetch_add(u64::try_from(count)?, Ordering::Relaxed),
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error.into()),
            };
        }
    }
    Ok(())
}
