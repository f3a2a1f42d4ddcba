//! Links the unwinder into the program instead of loading it at each start.
//!
//! rustc asks the linker for `-lgcc_s`; loading that library takes longer than all that
//! `comenq --help` does. A linker script of that name, found first, takes the same code
//! from gcc's static library, which comes with every C compiler here.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |key: &str, value: &str| env::var(key).is_ok_and(|it| it == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        let directory = PathBuf::from(env::var("OUT_DIR")?);
        fs::write(directory.join("libgcc_s.so"), "INPUT(-lgcc_eh -lgcc)\n")?;
        println!("cargo:rustc-link-search=native={}", directory.display());
    }
    Ok(())
}
