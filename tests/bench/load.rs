//! Many posts over many connections at once.
//!
//! Every frame is made before the clock starts, so that the clients take as
//! little as they can of the processors they share with the daemon.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use comenq_proto::{ProtocolVersion, RequestEnvelope, SubmitKey, to_bytes};
use harness::connection::Connection;
use harness::daemon::submission;

use crate::Failure;
use crate::stage::TARGET;

/// How many connections post at once.
pub(crate) const CONNECTIONS: usize = 64;

/// The time that a key begins with.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_millis());
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// About what people write.
pub(crate) fn body() -> String {
    "A comment of five hundred bytes. "
        .repeat(16)
        .chars()
        .take(500)
        .collect()
}

/// Posts `total` comments over all connections, each with one post under way at
/// a time, and says how long it took until the last durable reply.
pub(crate) fn post(socket: &Path, total: usize) -> Result<Duration, Failure> {
    let each = total.div_ceil(CONNECTIONS);
    let ready = Barrier::new(CONNECTIONS + 1);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(|| client(socket, each, &ready)))
            .collect();
        ready.wait();
        let start = Instant::now();
        for client in clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        Ok(start.elapsed())
    })
}

fn client(socket: &Path, count: usize, ready: &Barrier) -> Result<(), Failure> {
    let prepared = prepare(socket, count);
    // Also after a failure: the others wait for everyone.
    ready.wait();
    let (mut connection, frames) = prepared?;
    for frame in &frames {
        connection.send_frame(frame)?;
        connection.frame()?.ok_or("comenqd closed a connection")?;
    }
    Ok(())
}

fn prepare(socket: &Path, count: usize) -> Result<(Connection, Vec<Vec<u8>>), Failure> {
    let mut frames = Vec::with_capacity(count);
    for id in 1..=count {
        let key = SubmitKey::unique(now_ms()).to_string();
        let request = submission(TARGET, &body(), Some(&key));
        let id = u64::try_from(id)?;
        let envelope = RequestEnvelope::new(ProtocolVersion::CURRENT, id, &request)?;
        frames.push(to_bytes(&envelope)?);
    }
    Ok((Connection::ready(socket)?, frames))
}
