//! The stand-in's thread: accepts connections, hands their requests to
//! `handle`, and goes offline and online on command.
//!
//! While it is offline its port stays bound but does not listen, so that a
//! client is refused and nobody else can take the port.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::handle;
use super::line::{Control, Line};
use super::shared::Shared;

/// Longest that a process between fork and exec keeps our descriptors.
const HELD_BY_CHILD: Duration = Duration::from_secs(10);

/// What the controlling test tells the thread. Each is acknowledged when done.
#[derive(Debug)]
pub(super) enum Command {
    /// Refuse connections and drop those there are.
    Offline(mpsc::Sender<io::Result<()>>),
    /// Accept again.
    Online(mpsc::Sender<io::Result<()>>),
    /// End.
    Stop,
}

#[derive(Debug)]
enum Door {
    Open(TcpListener),
    Shut(TcpSocket),
    /// In between, or after a failed change.
    Gone,
}

/// Serves until told to stop or until nobody is left who could tell it.
pub(super) fn run(
    listener: std::net::TcpListener,
    shared: &Arc<Shared>,
    commands: UnboundedReceiver<Command>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let address = listener.local_addr()?;
        let door = Door::Open(TcpListener::from_std(listener)?);
        serve(door, address, shared, commands).await
    })
}

async fn serve(
    mut door: Door,
    address: SocketAddr,
    shared: &Arc<Shared>,
    mut commands: UnboundedReceiver<Command>,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&door) => {
                // A client that left between connect and accept is no loss.
                if let Ok(stream) = accepted {
                    connections.spawn(connection(stream, Arc::clone(shared)));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            command = commands.recv() => match command {
                None | Some(Command::Stop) => return Ok(()),
                Some(Command::Offline(done)) => {
                    connections.abort_all();
                    drop(done.send(shut(&mut door, address).await));
                }
                Some(Command::Online(done)) => drop(done.send(open(&mut door, address).await)),
            },
        }
    }
}

async fn accept(door: &Door) -> io::Result<TcpStream> {
    match door {
        Door::Open(listener) => Ok(listener.accept().await?.0),
        Door::Shut(_) | Door::Gone => std::future::pending().await,
    }
}

async fn shut(door: &mut Door, address: SocketAddr) -> io::Result<()> {
    *door = Door::Gone;
    *door = Door::Shut(bound(address).await?);
    Ok(())
}

async fn open(door: &mut Door, address: SocketAddr) -> io::Result<()> {
    let socket = match std::mem::replace(door, Door::Gone) {
        Door::Shut(socket) => socket,
        Door::Gone => bound(address).await?,
        listening @ Door::Open(_) => {
            *door = listening;
            return Ok(());
        }
    };
    *door = Door::Open(socket.listen(1024)?);
    Ok(())
}

/// The port again, which we have just closed. A process that another test is
/// starting at this moment may hold a copy of it until its program runs.
async fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let end = Instant::now() + HELD_BY_CHILD;
    loop {
        match bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            result => return result,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without it a trickling head would wait for the client's delayed ACKs.
    drop(stream.set_nodelay(true));
    let control = Arc::new(Control::default());
    let line = TokioIo::new(Line::new(stream, Arc::clone(&control)));
    let service = service_fn(move |request| {
        handle::serve(Arc::clone(&shared), Arc::clone(&control), request)
    });
    // An error is a client that left or a scripted hang-up: both are recorded
    // where they matter, in the request's record.
    drop(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(line, service)
            .await,
    );
}
