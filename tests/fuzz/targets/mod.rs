//! What is done with bytes from outside: each target takes any bytes, and returns whether they were
//! taken for what they should be. It panics where the code under test does, or where what must always
//! hold does not.
//!
//! Plain functions, so that an ordinary test can replay a corpus through them (`replay.rs`) and a
//! fuzzer can drive them (`fuzz_targets/`).

mod config;
mod frame;
mod github;
mod hello;
mod record;
mod request;
mod response;

/// One of them.
pub(crate) type Target = fn(&[u8]) -> bool;

/// All of them, by the name of their corpus.
pub(crate) const ALL: [(&str, Target); 7] = [
    ("frame", frame::frame),
    ("hello", hello::hello),
    ("request", request::request),
    ("response", response::response),
    ("record", record::record),
    ("config", config::config),
    ("github", github::github),
];

/// Runs the target of that name; nothing is taken under another name.
pub(crate) fn run(name: &str, data: &[u8]) -> bool {
    let target = ALL.iter().find(|(known, _)| *known == name);
    target.is_some_and(|(_, target)| target(data))
}
