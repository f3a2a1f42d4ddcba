//! The stand-in's thread: accepts connections, hands their requests to
//! `handle`, and goes offline and online on command.
//!
//! While it is offline its port stays bound but does not listen, so that a
//! client is refused and nobody else can take the port.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::handle;
use super::line::{Control, Line};
use super::shared::Shared;

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
                    drop(door);
                    door = Door::Shut(bound(address)?);
                    drop(done.send(Ok(())));
                }
                Some(Command::Online(done)) => {
                    door = match door {
                        Door::Shut(socket) => Door::Open(socket.listen(1024)?),
                        open @ Door::Open(_) => open,
                    };
                    drop(done.send(Ok(())));
                }
            },
        }
    }
}

async fn accept(door: &Door) -> io::Result<TcpStream> {
    match door {
        Door::Open(listener) => Ok(listener.accept().await?.0),
        Door::Shut(_) => std::future::pending().await,
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
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
