use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use super::*;

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn error(fds: Vec<OwnedFd>, path: &Path) -> String {
    open(fds, path, false).unwrap_err().to_string()
}

#[test]
fn a_bound_socket_lets_owner_and_group_in_and_goes_away_at_the_end() {
    let dir = dir();
    let path = dir.path().join("s");
    let listener = open(Vec::new(), &path, false).unwrap();
    assert!(!listener.is_inherited());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, SOCKET_MODE);
    UnixStream::connect(&path).unwrap();
    listener.file.unwrap().remove();
    assert!(!path.exists());
}

#[test]
fn everybody_may_connect_only_where_it_is_wanted() {
    let dir = dir();
    let path = dir.path().join("s");
    let public = open(Vec::new(), &path, true).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, PUBLIC_SOCKET_MODE);
    assert_eq!(public.is_open_to_all(), Some(true));
    public.file.unwrap().remove();
    let closed = open(Vec::new(), &path, false).unwrap();
    assert_eq!(closed.is_open_to_all(), Some(false));
}

#[test]
fn a_file_that_is_not_ours_any_more_stays() {
    let dir = dir();
    let path = dir.path().join("s");
    let listener = open(Vec::new(), &path, false).unwrap();
    // Kept under another name, so that its inode is not given out again.
    fs::rename(&path, dir.path().join("old")).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    listener.file.unwrap().remove();
    assert!(path.exists());
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let dir = dir();
    let path = dir.path().join("s");
    drop(UnixListener::bind(&path).unwrap());
    let _live = open(Vec::new(), &path, false).unwrap();
    let text = error(Vec::new(), &path);
    let expected = format!("s is in use by process {}; stop that", std::process::id());
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn a_listener_too_busy_to_accept_is_still_alive() {
    let dir = dir();
    let path = dir.path().join("s");
    let socket = stream_socket().unwrap();
    let address = UnixAddr::new(&path).unwrap();
    nix::sys::socket::bind(socket.as_raw_fd(), &address).unwrap();
    nix::sys::socket::listen(&socket, Backlog::new(0).unwrap()).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    assert!(error(Vec::new(), &path).contains("s is in use; stop"));
}

#[test]
fn other_files_and_missing_directories_are_named() {
    let dir = dir();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(error(Vec::new(), &file).contains("file exists and is not a socket"));
    assert_eq!(fs::read(&file).unwrap(), b"x");
    let nowhere = dir.path().join("absent/s");
    assert!(error(Vec::new(), &nowhere).contains("absent of the socket does not exist"));
}

#[test]
fn only_one_listening_unix_stream_is_adopted() {
    let dir = dir();
    let path = dir.path().join("s");
    let good = || OwnedFd::from(UnixListener::bind(dir.path().join("s")).unwrap());
    let listener = open(vec![good()], &path, false).unwrap();
    assert!(listener.is_inherited());

    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(error(vec![tcp.into()], &path).contains("is a socket of the network"));
    let (connected, _peer) = UnixStream::pair().unwrap();
    assert!(error(vec![connected.into()], &path).contains("does not listen"));
    let datagram = std::os::unix::net::UnixDatagram::unbound().unwrap();
    assert!(error(vec![datagram.into()], &path).contains("is not a stream socket"));
    let file = fs::File::open(dir.path()).unwrap();
    assert!(error(vec![file.into()], &path).contains("is not a socket"));
    fs::remove_file(&path).unwrap();
    let two = vec![good(), UnixStream::pair().unwrap().0.into()];
    assert!(error(two, &path).contains("passed 2 file descriptors"));
}
