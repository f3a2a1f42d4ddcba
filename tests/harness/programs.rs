//! Where the real programs are: beside the test that asks, as cargo lays
//! them out.

use std::env;
use std::path::PathBuf;

/// The path of one of the workspace's programs.
///
/// # Panics
/// When it has not been built; the message says how.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let path = directory().join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --workspace --bins` first (with the same --release)",
        path.display()
    );
    path
}

/// `target/debug` for a test in `target/debug/deps`, or what `COMENQ_BIN_DIR`
/// says.
fn directory() -> PathBuf {
    if let Some(directory) = env::var_os("COMENQ_BIN_DIR") {
        return directory.into();
    }
    let mut directory = env::current_exe().unwrap_or_default();
    directory.pop();
    if directory.ends_with("deps") {
        directory.pop();
    }
    directory
}
