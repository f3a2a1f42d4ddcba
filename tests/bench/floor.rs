//! What this machine needs for the parts that no design can avoid: a durable
//! append, two exchanges over a socket, a new process.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::Failure;

/// About what one comment is on the wire and in the store.
const POST: [u8; 512] = [b'x'; 512];
/// About what a greeting is.
const HELLO: [u8; 96] = [b'x'; 96];

/// One writer that appends and syncs.
pub(crate) struct Appender(File);

impl Appender {
    /// Writes to a file of its own on the measured disk.
    pub(crate) fn new(disk: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        Ok(Self(options.open(disk.join("floor"))?))
    }

    /// One durable append.
    pub(crate) fn append(&mut self) -> Result<(), Failure> {
        self.0.write_all(&POST)?;
        Ok(self.0.sync_data()?)
    }
}

/// What a daemon without any work of its own would be: for each connection two
/// exchanges, and a durable append within the second.
pub(crate) struct Echo(PathBuf);

impl Echo {
    /// Serves on a thread until this is dropped.
    pub(crate) fn start(disk: &Path) -> Result<Self, Failure> {
        let path = disk.join("echo");
        let listener = UnixListener::bind(&path)?;
        let mut appender = Appender::new(disk)?;
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if serve(client, &mut appender).is_err() {
                    break;
                }
            }
        });
        Ok(Self(path))
    }

    /// Connects, greets and posts, as far as an echo server can tell.
    pub(crate) fn post(&self) -> Result<(), Failure> {
        let mut client = UnixStream::connect(&self.0)?;
        ask(&mut client, &HELLO)?;
        ask(&mut client, &POST)
    }
}

impl Drop for Echo {
    /// A client that leaves without a word ends the server.
    fn drop(&mut self) {
        drop(UnixStream::connect(&self.0));
    }
}

fn serve(mut client: UnixStream, appender: &mut Appender) -> Result<(), Failure> {
    let mut hello = HELLO;
    client.read_exact(&mut hello)?;
    client.write_all(&hello)?;
    let mut post = POST;
    client.read_exact(&mut post)?;
    appender.append()?;
    Ok(client.write_all(&post)?)
}

fn ask(client: &mut UnixStream, text: &[u8]) -> Result<(), Failure> {
    client.write_all(text)?;
    Ok(client.read_exact(&mut text.to_vec())?)
}

/// A process that does nothing.
pub(crate) fn spawn_true() -> Result<(), Failure> {
    run(&mut Command::new("/bin/true"))
}

/// Runs a command to its end, which must be success.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}
