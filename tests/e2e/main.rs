//! End to end with the real binaries: `comenq` and `comenqd` as processes, the
//! GitHub stand-in on loopback. One file per theme; each test has a stand-in,
//! a daemon and a directory of its own, so they all run at once
//! (`RUST_TEST_THREADS=16`: they wait more than they work).
//!
//! What is asserted is what a user or GitHub can see: exit codes, texts, the
//! exact number of comments, and the spacing of requests.

#[cfg(test)]
mod activation;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod input;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod look;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod start;
#[cfg(test)]
mod store;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod users;
#[cfg(test)]
mod world;
