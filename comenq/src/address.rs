//! Where the daemon is: a socket that was named, another host, or the usual places.
//!
//! Decides whose word counts: an argument beats the environment, a host beats a
//! socket there, and where nobody says anything the user's own service is asked if
//! it answers, else the system's. Once one has answered it stays that one: a
//! repeated submission must meet the daemon that may have stored it.

use std::{
    ffi::OsString,
    fmt, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    connection::{ConnectionError, in_words, is_interrupted, remaining},
    failure::Failure,
    host::{Host, Tunnel},
    trust::{self, Trust},
    units::Units,
};

/// Where the packaged daemon listens.
pub(crate) const SYSTEM_SOCKET: &str = "/run/comenq/comenq.sock";

/// Where a user's own service listens, under `XDG_RUNTIME_DIR`.
const USER_SOCKET: &str = "comenq/comenq.sock";

/// A stream to a daemon, and the ssh that carries it if one does.
#[derive(Debug)]
pub(crate) struct Dialed {
    pub(crate) stream: UnixStream,
    pub(crate) tunnel: Option<Tunnel>,
}

/// Where to reach a daemon.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// These sockets, the first that answers.
    Sockets(Vec<PathBuf>),
    /// Over ssh.
    Far {
        /// Where.
        host: Host,
        /// What is run as `ssh`.
        program: OsString,
        /// Whether that is to say and ask nothing.
        is_quiet: bool,
    },
}

impl Address {
    /// By what was typed and what the environment says.
    ///
    /// # Errors
    /// `COMENQ_HOST` names no host.
    pub(crate) fn find(
        socket: Option<PathBuf>,
        host: Option<Host>,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Failure> {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        if socket.is_some() {
            return Ok(Self::near(socket, environment));
        }
        let host = match (host, set("COMENQ_HOST")) {
            (Some(host), _) => Some(host),
            (None, Some(text)) => Some(far(&text)?),
            (None, None) => None,
        };
        if let Some(host) = host {
            let program = set("COMENQ_SSH").unwrap_or_else(|| "ssh".into());
            return Ok(Self::Far {
                host,
                program,
                is_quiet: false,
            });
        }
        Ok(Self::near(None, environment))
    }

    /// On this host, whatever `COMENQ_HOST` says.
    pub(crate) fn near(
        socket: Option<PathBuf>,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        if let Some(socket) = socket.or_else(|| set("COMENQ_SOCKET").map(Into::into)) {
            return Self::Sockets(vec![socket]);
        }
        let own = set("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join(USER_SOCKET));
        Self::Sockets(own.into_iter().chain([SYSTEM_SOCKET.into()]).collect())
    }

    /// The same for when nobody may be disturbed.
    pub(crate) fn quietly(mut self) -> Self {
        if let Self::Far { is_quiet, .. } = &mut self {
            *is_quiet = true;
        }
        self
    }

    /// The host, if it is another.
    pub(crate) const fn host(&self) -> Option<&Host> {
        match self {
            Self::Sockets(_) => None,
            Self::Far { host, .. } => Some(host),
        }
    }

    /// Whose units the daemon has there. Of several sockets the last is spoken of, as where none
    /// answers.
    pub(crate) fn units(&self) -> Units {
        match self {
            Self::Sockets(sockets) => sockets.last().map_or(Units::System, |it| units_of(it)),
            Self::Far { .. } => Units::System,
        }
    }

    /// Reaches the daemon, unless a stranger listens there.
    pub(crate) fn dial(
        &mut self,
        trust: &Trust,
        deadline: Instant,
    ) -> Result<Dialed, ConnectionError> {
        match self {
            Self::Sockets(sockets) => {
                let (at, stream) = first(sockets, deadline)?;
                sockets.swap(0, at);
                sockets.truncate(1);
                let uid = trust::listener(&stream).map_err(ConnectionError::Connect)?;
                if !trust.accepts(uid) {
                    return Err(ConnectionError::Untrusted(uid));
                }
                Ok(Dialed {
                    stream,
                    tunnel: None,
                })
            }
            Self::Far {
                host,
                program,
                is_quiet,
            } => {
                let (stream, tunnel) = host.dial(program, *is_quiet).map_err(|error| {
                    let program = program.display();
                    let text = format!("{program} cannot be run: {error}");
                    ConnectionError::Connect(io::Error::new(error.kind(), text))
                })?;
                Ok(Dialed {
                    stream,
                    tunnel: Some(tunnel),
                })
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sockets(sockets) => {
                let shown = sockets.last().map(|it| it.display().to_string());
                f.write_str(&shown.unwrap_or_default())
            }
            Self::Far { host, .. } => host.fmt(f),
        }
    }
}

/// Whose units listen on a socket, by its place: one that only was named counts as the host's.
pub(crate) fn units_of(socket: &Path) -> Units {
    if socket != Path::new(SYSTEM_SOCKET) && socket.ends_with(USER_SOCKET) {
        Units::User
    } else {
        Units::System
    }
}

fn far(text: &OsString) -> Result<Host, Failure> {
    let host = text.to_string_lossy().parse::<Host>();
    host.map_err(|error| Failure::usage(format!("COMENQ_HOST: {error}")))
}

/// The first that answers, and which that is; the last one's error if none does.
fn first(sockets: &[PathBuf], deadline: Instant) -> Result<(usize, UnixStream), ConnectionError> {
    let mut error = io::ErrorKind::NotFound.into();
    for (at, socket) in sockets.iter().enumerate() {
        match connect(socket, deadline) {
            Ok(stream) => return Ok((at, stream)),
            Err(why) => error = why,
        }
    }
    Err(ConnectionError::Connect(error))
}

fn connect(path: &Path, deadline: Instant) -> io::Result<UnixStream> {
    let attempt = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Bounds connecting too, when the daemon's backlog is full.
        socket.set_write_timeout(Some(remaining(deadline)?))?;
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(UnixStream::from(std::os::fd::OwnedFd::from(socket)))
    };
    loop {
        match attempt() {
            Err(error) if is_interrupted(&error) => {}
            done => return done.map_err(in_words),
        }
    }
}

/// Whether somebody listens on a socket that may be in use.
pub(crate) fn answers(path: &Path) -> io::Result<()> {
    connect(path, Instant::now() + Duration::from_secs(2)).map(drop)
}

#[cfg(test)]
mod tests;
