//! `comenq dial-stdio`: joins its standard input and output to the daemon's socket.
//!
//! What `--host` runs on the far side. Decides nothing about what is said; that the
//! socket here is no stranger's is checked as for any client.

use std::{
    fs::File,
    io::{self, Read},
    net::Shutdown,
    os::{fd::BorrowedFd, unix::net::UnixStream},
    thread,
    time::{Duration, Instant},
};

use super::Context;
use crate::failure::Failure;

/// To reach the daemon; a started service is quick.
const PATIENCE: Duration = Duration::from_secs(30);

/// Copied at a time.
const CHUNK: usize = 64 * 1024;

/// Until either side ends. Standard input comes as it is: the process has its buffer locked.
pub(super) fn run(stdin: BorrowedFd<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
    let stream = context.client.dial(Instant::now() + PATIENCE);
    let mut stream = stream.map_err(|error| Failure::of_call(error, &context.client))?;
    let towards = stream.try_clone().map_err(|error| broken(&error))?;
    let stdin = stdin.try_clone_to_owned().map_err(|error| broken(&error))?;
    // Not waited for: the process ends with the other direction.
    thread::spawn(move || forward(stdin.into(), towards));
    let mut chunk = vec![0; CHUNK];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => context
                .output
                .bytes(chunk.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(&error)),
        }
    }
}

fn forward(mut stdin: File, mut towards: UnixStream) {
    // Either end may have gone; the other direction ends then, too.
    let _gone = io::copy(&mut stdin, &mut towards);
    let _gone = towards.shutdown(Shutdown::Write);
}

fn broken(error: &io::Error) -> Failure {
    Failure::new(
        "unreachable",
        crate::exit::Exit::Unreachable,
        format!("the connection to comenqd broke: {error}"),
    )
}
