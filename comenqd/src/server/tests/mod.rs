//! The server by its bytes: a real socket, a client of a few lines, a handler of a few more.

mod bounds;
mod handshake;
mod leaving;
mod requests;
mod subscription;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use comenq_proto::{
    ByteBuf, ErrorCode, Hello, HelloReply, Kind, MAX_FRAME, ProtocolVersion, RequestEnvelope,
    ResponseEnvelope, Role, from_slice, to_bytes,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::presence::{Leave, presence};
use super::*;
use crate::clock::Clock;
use crate::notify::{Notifier, Watchdog};

/// Answers `echo` with the body, `slow` when told to, `large` with a megabyte, the rest with an
/// error of that name.
#[derive(Debug, Default)]
struct Toy {
    slow: Notify,
    slow_began: Notify,
    /// Where a test puts events, the latest subscription last.
    events: Mutex<Vec<mpsc::UnboundedSender<Vec<u8>>>>,
    /// The next role takes until it is told.
    role_hangs: AtomicBool,
    role: Notify,
    /// Rules that peers broke.
    violations: AtomicUsize,
}

impl Handler for Toy {
    async fn role(&self, _: &Peer) -> Role {
        if self.role_hangs.swap(false, Ordering::SeqCst) {
            self.role.notified().await;
        }
        Role::Operator
    }

    fn note(&self, traffic: Traffic<'_>) {
        if matches!(traffic, Traffic::Violation) {
            self.violations.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn largest_reply(&self, endpoint: &str) -> usize {
        if endpoint == "large" { MAX_FRAME } else { 0 }
    }

    async fn handle(&self, _: &Peer, endpoint: &str, _: u64, body: &[u8]) -> Reply {
        let mut events: Option<Box<dyn EventSource>> = None;
        let result = match endpoint {
            "subscribe" => {
                let (sender, receiver) = mpsc::unbounded_channel();
                self.events.lock().unwrap().push(sender);
                events = Some(Box::new(subscription::ToyEvents(receiver)));
                Ok(Vec::new())
            }
            "echo" => Ok(body.to_vec()),
            "large" => Ok(vec![7; 1_000_000]),
            "slow" => {
                self.slow_began.notify_one();
                self.slow.notified().await;
                Ok(body.to_vec())
            }
            "bad" => Err(WireError::new(ErrorCode::BadRequest, "unreadable body")),
            _ => Err(WireError::new(
                ErrorCode::UnknownEndpoint,
                "no such endpoint",
            )),
        };
        Reply {
            result,
            job_id: None,
            changed: None,
            events,
            audited: false,
        }
    }
}

struct Room {
    dir: tempfile::TempDir,
    leave: Leave,
    toy: Arc<Toy>,
    limits: watch::Sender<Limits>,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

/// Long enough never to matter.
const LONG: Duration = Duration::from_secs(60);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(60);

fn limits() -> Limits {
    Limits {
        connections: 8,
        root_reserve: 0,
        user_connections: 1000,
        requests_per_second: 1_000_000,
        violations_per_minute: 1000,
        refusal: LONG,
        hello_timeout: LONG,
        frame_timeout: LONG,
        idle_timeout: LONG,
        write_timeout: LONG,
        unreadable: 3,
        frame_budget_bytes: 4 * 1024 * 1024,
        reply_budget_bytes: 4 * 1024 * 1024,
    }
}

impl Room {
    fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = listener::open(Vec::new(), &dir.path().join("s"), false).unwrap();
        let watchdog = Watchdog::new(Notifier::system(), Arc::new(Clock::system()), None);
        let toy = Arc::new(Toy::default());
        let stop = CancellationToken::new();
        let pulse = watchdog.register("accept");
        let (limits, in_force) = watch::channel(limits);
        let (presence, leave) = presence();
        let server = run(
            listener,
            Arc::clone(&toy),
            in_force,
            presence,
            pulse,
            stop.clone(),
        );
        let server = tokio::spawn(server);
        Self {
            dir,
            leave,
            toy,
            limits,
            stop,
            server,
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    async fn connect(&self) -> Client {
        Client(UnixStream::connect(self.path()).await.unwrap())
    }

    async fn greeted(&self) -> Client {
        let mut client = self.connect().await;
        let reply = client.hello(&Hello::new("test", "1")).await;
        assert!(reply.ack.is_some(), "{reply:?}");
        client
    }
}

struct Client(UnixStream);

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

fn request(request_id: u64, endpoint: &str, body: Vec<u8>) -> Vec<u8> {
    let envelope = RequestEnvelope {
        v: ProtocolVersion::CURRENT.0,
        request_id,
        endpoint: endpoint.to_owned(),
        body: ByteBuf::from(body),
    };
    framed(&to_bytes(&envelope).unwrap())
}

impl Client {
    async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next frame, or `None` once the server has closed.
    async fn frame(&mut self) -> Option<Vec<u8>> {
        let len = self.0.read_u32().await.ok()?;
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.0.read_exact(&mut payload).await.unwrap();
        Some(payload)
    }

    async fn hello_reply(&mut self) -> HelloReply {
        from_slice(&self.frame().await.unwrap()).unwrap()
    }

    async fn hello(&mut self, hello: &Hello) -> HelloReply {
        self.write(&framed(&to_bytes(hello).unwrap())).await;
        self.hello_reply().await
    }

    async fn response(&mut self) -> ResponseEnvelope {
        from_slice(&self.frame().await.unwrap()).unwrap()
    }

    /// The code of the next response, which must be an error.
    async fn error(&mut self) -> (u64, ErrorCode) {
        let response = self.response().await;
        assert_eq!(response.kind, Kind::Err);
        let error: WireError = from_slice(&response.body).unwrap();
        (response.request_id, error.code)
    }

    async fn call(&mut self, request_id: u64, endpoint: &str) -> ResponseEnvelope {
        self.write(&request(request_id, endpoint, vec![1])).await;
        self.response().await
    }

    async fn closed(&mut self) -> bool {
        self.frame().await.is_none()
    }
}
