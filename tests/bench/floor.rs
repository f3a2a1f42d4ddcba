//! What this machine needs for the parts that no design can avoid: a durable
//! append, two exchanges over a socket, a new process.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::Failure;
use crate::sample::Samples;

/// About what one comment is on the wire and in the store.
const POST: [u8; 512] = [b'x'; 512];
/// About what a greeting is.
const HELLO: [u8; 96] = [b'x'; 96];

/// One writer that appends and syncs.
pub(crate) fn append_sync(disk: &Path, times: usize) -> Result<Samples, Failure> {
    let mut file = log(disk)?;
    Samples::time(times, || Ok(append(&mut file)?))
}

/// What a daemon without any work of its own would need for connect, greeting
/// and post: two exchanges, an append and a sync.
pub(crate) fn connect_echo_sync(disk: &Path, times: usize) -> Result<Samples, Failure> {
    let path = disk.join("echo");
    let listener = UnixListener::bind(&path)?;
    let mut file = log(disk)?;
    let server = thread::spawn(move || -> std::io::Result<()> {
        for _ in 0..times {
            let (mut client, _) = listener.accept()?;
            echo(&mut client, &mut HELLO.to_vec())?;
            let mut post = POST.to_vec();
            client.read_exact(&mut post)?;
            append(&mut file)?;
            client.write_all(&post)?;
        }
        Ok(())
    });
    let samples = Samples::time(times, || {
        let mut client = UnixStream::connect(&path)?;
        ask(&mut client, &HELLO)?;
        ask(&mut client, &POST)?;
        Ok(())
    })?;
    server.join().map_err(|_| "the echo server panicked")??;
    Ok(samples)
}

/// A process that does nothing.
pub(crate) fn spawn_true(times: usize) -> Result<Samples, Failure> {
    Samples::time(times, || run(&mut Command::new("/bin/true")))
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

fn log(disk: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).open(disk.join("floor"))
}

fn append(file: &mut File) -> std::io::Result<()> {
    file.write_all(&POST)?;
    file.sync_data()
}

fn echo(client: &mut UnixStream, buffer: &mut [u8]) -> std::io::Result<()> {
    client.read_exact(buffer)?;
    client.write_all(buffer)
}

fn ask(client: &mut UnixStream, text: &[u8]) -> std::io::Result<()> {
    client.write_all(text)?;
    client.read_exact(&mut text.to_vec())
}
