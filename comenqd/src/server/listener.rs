//! Where clients connect: a socket that systemd passed, or one bound here.
//!
//! Decides whether a passed descriptor is what it must be, and whether a path may be taken over.
//! Opened by `app` before it is ready; [`super::run`] accepts from it. After [`open`] both kinds
//! are the same.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike as _, SockaddrStorage, UnixAddr,
    getsockname, getsockopt, sockopt,
};

use super::limits::BACKLOG;
use crate::config::DEFAULT_SOCKET_PATH;

/// Owner and group may connect: whom the kernel lets in is an operator.
const SOCKET_MODE: u32 = 0o660;
/// Everybody may connect, and most may only look.
const PUBLIC_SOCKET_MODE: u32 = 0o666;
/// For the default path's own directory: anybody may look a socket up in it.
const PARENT_MODE: u32 = 0o755;

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// systemd passed more than the one socket we know what to do with.
    #[error(
        "systemd passed {0} file descriptors; comenqd takes exactly one: the listening socket of \
         comenq.socket"
    )]
    TooMany(usize),
    /// What systemd passed is not a listening stream socket of the file system.
    #[error(
        "the file descriptor that systemd passed {problem}; comenq.socket must have exactly one \
         ListenStream= with an absolute path, and Accept=no"
    )]
    WrongKind {
        /// What it is instead.
        problem: String,
    },
    /// There is no directory to put the socket into.
    #[error(
        "the directory {} of the socket does not exist; create it, or choose another path with \
         --listen", path.display()
    )]
    NoParent {
        /// The directory.
        path: PathBuf,
    },
    /// Something that is not a socket has that name.
    #[error(
        "{} exists and is not a socket; remove it, or choose another path with --listen",
        path.display()
    )]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Somebody listens there.
    #[error(
        "{} is in use{}; stop that process, or choose another path with --listen",
        path.display(), by_pid(*pid)
    )]
    InUse {
        /// The path.
        path: PathBuf,
        /// Who, where the kernel says.
        pid: Option<i32>,
    },
    /// The kernel refused a step.
    #[error("cannot {step} the socket {}: {source}", path.display())]
    System {
        /// Which step.
        step: &'static str,
        /// The path.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
}

fn by_pid(pid: Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" by process {pid}"))
}

/// A listening socket, not yet tied to a runtime.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: UnixListener,
    pub(super) file: Option<SocketFile>,
}

impl Listener {
    /// Whether systemd passed it: then its file is systemd's, and it outlives us.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.file.is_none()
    }

    /// Whether everybody may connect; `None` where its file cannot be looked at.
    #[must_use]
    pub fn is_open_to_all(&self) -> Option<bool> {
        let address = self.socket.local_addr().ok()?;
        let metadata = fs::metadata(address.as_pathname()?).ok()?;
        Some(metadata.permissions().mode() & 0o002 != 0)
    }
}

/// A socket file that we made; see [`SocketFile::remove`].
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Removes the file on a clean stop, unless it is another one by now.
    pub(super) fn remove(&self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

/// The descriptors that systemd passed. The first thing `main` does: it changes the environment,
/// and any descriptor opened before could be taken for one of them.
///
/// # Errors
/// Where there is more than one, or it is not a stream socket of the file system.
pub fn inherited() -> Result<Vec<OwnedFd>, ListenError> {
    let mut passed = listenfd::ListenFd::from_env();
    if passed.len() > 1 {
        return Err(ListenError::TooMany(passed.len()));
    }
    match passed.take_unix_listener(0) {
        Ok(found) => Ok(found.into_iter().map(OwnedFd::from).collect()),
        Err(error) => Err(ListenError::WrongKind {
            problem: format!("cannot be used ({error})"),
        }),
    }
}

/// The socket among `fds`, or a new one at `path` where systemd passed none: for its owner and group,
/// or for everybody where it `is_public`.
///
/// # Errors
/// Where the descriptor is of the wrong kind, or the path cannot be had.
pub fn open(fds: Vec<OwnedFd>, path: &Path, is_public: bool) -> Result<Listener, ListenError> {
    let count = fds.len();
    let mut fds = fds.into_iter();
    let listener = match (fds.next(), count) {
        (None, _) => bind(path, is_public)?,
        (Some(fd), 1) => adopt(fd)?,
        (Some(_), more) => return Err(ListenError::TooMany(more)),
    };
    listener
        .socket
        .set_nonblocking(true)
        .map_err(|source| system("prepare", path, source))?;
    Ok(listener)
}

fn adopt(fd: OwnedFd) -> Result<Listener, ListenError> {
    let wrong = |problem: &str| ListenError::WrongKind {
        problem: problem.to_owned(),
    };
    let family = getsockname::<SockaddrStorage>(fd.as_raw_fd())
        .map_err(|_| wrong("is not a socket"))?
        .family();
    if family != Some(AddressFamily::Unix) {
        return Err(wrong("is a socket of the network, not of the file system"));
    }
    if getsockopt(&fd, sockopt::SockType) != Ok(SockType::Stream) {
        return Err(wrong("is not a stream socket"));
    }
    if getsockopt(&fd, sockopt::AcceptConn) != Ok(true) {
        return Err(wrong("does not listen"));
    }
    let socket = UnixListener::from(fd);
    Ok(Listener { socket, file: None })
}

fn bind(path: &Path, is_public: bool) -> Result<Listener, ListenError> {
    provide_parent(path)?;
    make_way(path)?;
    let failed = |step| move |errno: Errno| system(step, path, errno.into());
    let fd = stream_socket().map_err(failed("create"))?;
    let address = UnixAddr::new(path).map_err(failed("name"))?;
    nix::sys::socket::bind(fd.as_raw_fd(), &address).map_err(failed("bind"))?;
    // Nobody can connect before `listen`, so whatever the umask made of the mode until here
    // let nobody in.
    let mode = if is_public {
        PUBLIC_SOCKET_MODE
    } else {
        SOCKET_MODE
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|source| system("set the mode of", path, source))?;
    let identity = identity(path).map_err(|source| system("find", path, source))?;
    let backlog = Backlog::new(BACKLOG).map_err(failed("listen on"))?;
    nix::sys::socket::listen(&fd.as_fd(), backlog).map_err(failed("listen on"))?;
    Ok(Listener {
        socket: fd.into(),
        file: Some(SocketFile {
            path: path.to_owned(),
            identity,
        }),
    })
}

/// Makes the default path's directory; any other is somebody's choice and must be there.
fn provide_parent(path: &Path) -> Result<(), ListenError> {
    let Some(parent) = path.parent().filter(|it| !it.as_os_str().is_empty()) else {
        return Ok(());
    };
    let missing = || ListenError::NoParent {
        path: parent.to_owned(),
    };
    if parent.is_dir() {
        return Ok(());
    }
    if path != Path::new(DEFAULT_SOCKET_PATH) {
        return Err(missing());
    }
    fs::create_dir(parent).map_err(|_| missing())?;
    fs::set_permissions(parent, fs::Permissions::from_mode(PARENT_MODE)).map_err(|_| missing())
}

/// Removes a socket file on which nobody answers.
fn make_way(path: &Path) -> Result<(), ListenError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(system("find", path, source)),
    };
    let path_buf = || path.to_owned();
    if !metadata.file_type().is_socket() {
        return Err(ListenError::NotASocket { path: path_buf() });
    }
    let probe = stream_socket().map_err(|errno| system("create", path, errno.into()))?;
    let address = UnixAddr::new(path).map_err(|errno| system("name", path, errno.into()))?;
    match nix::sys::socket::connect(probe.as_raw_fd(), &address) {
        Ok(()) => {
            let credentials = getsockopt(&probe, sockopt::PeerCredentials);
            let pid = credentials.ok().map(|it| it.pid());
            Err(ListenError::InUse {
                path: path_buf(),
                pid,
            })
        }
        // Somebody listens and is too busy to accept.
        Err(Errno::EAGAIN) => Err(ListenError::InUse {
            path: path_buf(),
            pid: None,
        }),
        Err(Errno::ECONNREFUSED) => {
            fs::remove_file(path).map_err(|source| system("replace", path, source))
        }
        Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(system("probe", path, errno.into())),
    }
}

fn stream_socket() -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    nix::sys::socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn system(step: &'static str, path: &Path, source: io::Error) -> ListenError {
    ListenError::System {
        step,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
