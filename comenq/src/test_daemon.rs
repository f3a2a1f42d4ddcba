//! A daemon for tests: speaks the protocol over a real socket, by script.

use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    thread::JoinHandle,
};

use bytes::{Bytes, BytesMut};
use comenq_proto::{
    Authz, FrameCodec, Hello, HelloAck, HelloReply, MAX_FRAME, ProtocolVersion, Request,
    RequestEnvelope, ResponseEnvelope, Role, WireError, from_slice, to_bytes,
};
use serde::{Serialize, de::DeserializeOwned};
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;
use tokio_util::codec::{Decoder as _, Encoder as _};

use crate::address::Address;

/// The address of the visitor that says no more will come.
const LAST: &str = "last";

/// What the daemon does with one connection.
pub(crate) type Visit = Box<dyn FnOnce(&mut Peer) + Send>;

/// Serves its visits in order, one connection each, then stops listening.
/// Dropping it waits for the last and passes on its panic; a visit that nobody
/// made is one too.
pub(crate) struct TestDaemon {
    directory: TempDir,
    thread: Option<JoinHandle<()>>,
}

impl TestDaemon {
    pub(crate) fn start(visits: Vec<Visit>) -> Self {
        Self::with(visits, |visit, mut peer| {
            visit(&mut peer);
            None
        })
    }

    /// Serves its visits at the same time, begun in this order.
    pub(crate) fn concurrent(visits: Vec<Visit>) -> Self {
        Self::with(visits, |visit, mut peer| {
            Some(std::thread::spawn(move || visit(&mut peer)))
        })
    }

    fn with(visits: Vec<Visit>, serve: fn(Visit, Peer) -> Option<JoinHandle<()>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("sock")).unwrap();
        let last = directory.path().join(LAST);
        let mut visits = VecDeque::from(visits);
        let thread = std::thread::spawn(move || {
            let mut running = Vec::new();
            while let Some(visit) = visits.pop_front() {
                let (stream, from) = listener.accept().unwrap();
                let missing = visits.len() + 1;
                assert_ne!(
                    from.as_pathname(),
                    Some(&*last),
                    "{missing} visits were not made"
                );
                let peer = Peer {
                    stream,
                    buffer: BytesMut::new(),
                };
                running.extend(serve(visit, peer));
            }
            for visit in running {
                visit.join().unwrap();
            }
        });
        Self {
            directory,
            thread: Some(thread),
        }
    }

    /// One connection that greets and answers each request with `serve`.
    pub(crate) fn serving(serve: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::start(vec![greeted(serve)])
    }

    pub(crate) fn address(&self) -> Address {
        Address::Sockets(vec![self.socket()])
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("sock")
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // One more visitor, known by its address, wakes a thread that waits for
        // visits nobody will make; when it waits for none, nobody is there.
        let last = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let address = |name| SockAddr::unix(self.directory.path().join(name)).unwrap();
        last.bind(&address(LAST)).unwrap();
        drop(last.connect(&address("sock")));
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A visit that first does the handshake.
pub(crate) fn greeted(serve: impl FnOnce(&mut Peer) + Send + 'static) -> Visit {
    Box::new(move |peer| {
        let _hello: Hello = peer.receive();
        peer.send(&HelloReply::accepted(ack()));
        serve(peer);
    })
}

pub(crate) fn ack() -> HelloAck {
    HelloAck {
        protocol_version: ProtocolVersion::CURRENT,
        daemon_version: "9.9.9".into(),
        features: Vec::new(),
        max_frame: u32::try_from(MAX_FRAME).unwrap(),
        authz: Authz {
            uid: 1000,
            gid: 1000,
            role: Role::Operator,
        },
    }
}

/// The client, seen from the daemon.
pub(crate) struct Peer {
    stream: UnixStream,
    buffer: BytesMut,
}

impl Peer {
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> T {
        from_slice(&self.receive_frame().expect("a frame")).unwrap()
    }

    /// The next frame; `None` when the client has closed.
    pub(crate) fn receive_frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = FrameCodec.decode(&mut self.buffer).unwrap() {
                return Some(frame);
            }
            let mut chunk = [0; 4096];
            let count = self.stream.read(&mut chunk).unwrap();
            if count == 0 {
                return None;
            }
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }

    pub(crate) fn send<T: Serialize>(&mut self, message: &T) {
        let mut frame = BytesMut::new();
        let payload = Bytes::from(to_bytes(message).unwrap());
        FrameCodec.encode(payload, &mut frame).unwrap();
        self.send_bytes(&frame);
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Reads one request of this kind.
    pub(crate) fn request<R: Request>(&mut self) -> (u64, R) {
        let envelope: RequestEnvelope = self.receive();
        assert_eq!(envelope.endpoint, R::ENDPOINT);
        assert_eq!(envelope.v, ProtocolVersion::CURRENT.0);
        (envelope.request_id, from_slice(&envelope.body).unwrap())
    }

    pub(crate) fn reply<T: Serialize>(&mut self, id: u64, reply: &T) {
        let response = ResponseEnvelope::ok(ProtocolVersion::CURRENT, id, reply).unwrap();
        self.send(&response);
    }

    pub(crate) fn refuse(&mut self, id: u64, error: &WireError) {
        let response = ResponseEnvelope::err(ProtocolVersion::CURRENT, id, error).unwrap();
        self.send(&response);
    }

    /// Reads one request and answers it; gives the request.
    pub(crate) fn answer<R: Request>(&mut self, reply: &R::Reply) -> R {
        let (id, request) = self.request::<R>();
        self.reply(id, reply);
        request
    }
}
