//! The targets for a fuzzer: see `targets`.

mod targets;

/// Gives the bytes to the target of that name.
pub fn run(name: &str, data: &[u8]) {
    targets::run(name, data);
}
