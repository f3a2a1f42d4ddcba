//! Builds the daemon and the client beside this program, where the harness
//! looks for them; cargo knows whether anything is left to do.

use std::env;
use std::process::Command;

use crate::Failure;

/// Builds both.
pub(crate) fn programs() -> Result<(), Failure> {
    let here = env::current_exe()?;
    let profile_directory = here.parent().ok_or("this program lies in no directory")?;
    let target_directory = profile_directory
        .parent()
        .ok_or("this program lies in no target directory")?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--bin", "comenqd", "--bin", "comenq"])
        .arg("--target-dir")
        .arg(target_directory);
    // What `cargo run` tells this program of its own package. Build scripts that
    // read it (ring's does) would otherwise run again at every change of callers,
    // and half the tree be compiled anew.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    if profile_directory.ends_with("release") {
        cargo.arg("--release");
    }
    if cargo.status()?.success() {
        Ok(())
    } else {
        Err("comenqd and comenq could not be built".into())
    }
}
