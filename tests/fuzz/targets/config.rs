//! A configuration file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use comenqd::config::{self, Config, ConfigError, Flags, Sources};

thread_local! {
    static ROOM: Option<(tempfile::TempDir, PathBuf)> = room().ok();
}

fn room() -> io::Result<(tempfile::TempDir, PathBuf)> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("config.toml");
    fs::write(&path, "")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok((directory, path))
}

/// What is accepted is shown in a form that is accepted too; what is refused is refused in words
/// that have no line of the file in them.
pub(super) fn config(data: &[u8]) -> bool {
    match load(data) {
        Some(Ok(config)) => {
            let shown = config.render();
            // A credential is not shown, and without it the accounts are others.
            let has_credential = ["token", "app_"].iter().any(|word| shown.contains(word));
            if !has_credential {
                let again = load(shown.as_bytes());
                let again = again.map(|it| it.map(|_| ()).map_err(|error| error.to_string()));
                assert_eq!(again, Some(Ok(())), "--check-config printed:\n{shown}");
            }
            true
        }
        Some(Err(error)) => {
            assert!(!error.to_string().is_empty());
            false
        }
        None => false,
    }
}

fn load(text: &[u8]) -> Option<Result<Config, ConfigError>> {
    ROOM.with(|room| {
        let (_, path) = room.as_ref()?;
        fs::write(path, text).ok()?;
        Some(config::load(&Sources {
            flags: Flags {
                config: Some(path.clone()),
                ..Flags::default()
            },
            env: BTreeMap::new(),
            default_config: path.clone(),
            parent_pid: 1,
            euid: fs::metadata(path).ok().map(|it| {
                use std::os::unix::fs::MetadataExt as _;
                it.uid()
            })?,
            // No name service: its answers are not what is tried here.
            lookup_user: |name| Ok((name == "alice").then_some(1000)),
            lookup_group: |name| Ok((name == "ops").then_some(2000)),
        }))
    })
}
