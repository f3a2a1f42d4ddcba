//! What `comenqd` does with a queue while no daemon uses it: check, import, compact.
//!
//! Decides what is printed and how it ends. Called by `main` instead of `app`; the store does the
//! work.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use crate::config::Command;
use crate::store::{self, StoreError};

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The store says why.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The file to import cannot be read.
    #[error(
        "cannot read {path}: {source}; name a file that `comenq export` printed, or - for standard input"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{path} is empty; name a file that `comenq export` printed")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Not the user who owns the queue, and cannot become it.
    #[error("cannot become the owner of {path}: {source}; run this as root or as that user")]
    Owner {
        /// The queue, or what will hold it.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nobody reads what is printed.
    #[error("cannot print: {0}")]
    Print(io::Error),
}

/// Runs a command on a queue. Says whether all is well.
///
/// # Errors
/// [`OfflineError`] where it could not be done.
pub fn run(command: &Command, queue: &Path, out: &mut dyn Write) -> Result<bool, OfflineError> {
    match command {
        Command::Check => {
            become_owner(queue)?;
            let report = store::check(queue)?;
            print_report(&report, queue, out).map_err(OfflineError::Print)?;
            Ok(report.faults.is_empty())
        }
        Command::Import { file } => {
            // Before it is another user who may not read it.
            let mut lines = open(file)?;
            become_owner(queue)?;
            let imported = store::import(queue, &mut lines)?;
            print_import(&imported, queue, out).map_err(OfflineError::Print)?;
            Ok(true)
        }
        Command::Compact => {
            store::compact(queue)?;
            Ok(true)
        }
    }
}

/// Opens what is to be imported, and makes sure that it can be read before anything is created.
fn open(file: &Path) -> Result<Box<dyn BufRead>, OfflineError> {
    let failed = |source| OfflineError::File {
        path: file.to_owned(),
        source,
    };
    let mut lines: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).map_err(failed)?))
    };
    if lines.fill_buf().map_err(failed)?.is_empty() {
        return Err(OfflineError::Empty {
            path: file.to_owned(),
        });
    }
    Ok(lines)
}

/// Whatever root creates in a queue, its daemon could not open.
fn become_owner(queue: &Path) -> Result<(), OfflineError> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let Some((path, owner)) = queue
        .ancestors()
        .find_map(|path| Some((path, fs::metadata(path).ok()?)))
    else {
        return Ok(());
    };
    if owner.uid() == 0 {
        return Ok(());
    }
    let group = Gid::from_raw(owner.gid());
    setgroups(&[group])
        .and_then(|()| setgid(group))
        .and_then(|()| setuid(Uid::from_raw(owner.uid())))
        .map_err(|error| OfflineError::Owner {
            path: path.to_owned(),
            source: error.into(),
        })
}

fn print_report(report: &store::Report, queue: &Path, out: &mut dyn Write) -> io::Result<()> {
    for fault in &report.faults {
        writeln!(out, "{fault}")?;
    }
    if report.more > 0 {
        writeln!(out, "and {} more", report.more)?;
    }
    let verdict = match report.faults.len() {
        0 => "everything fits together".to_owned(),
        count => format!("{} faults", report.more.saturating_add(count as u64)),
    };
    writeln!(
        out,
        "{}: format {}, {} unfinished and {} finished jobs, {} entries: {verdict}",
        queue.display(),
        report.format,
        report.unfinished,
        report.finished,
        report.entries
    )
}

fn print_import(imported: &store::Imported, queue: &Path, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "imported {} jobs into {}; {} unfinished ones are held: release those that are to be \
         posted, comenqd then looks first whether they were",
        imported.jobs,
        queue.display(),
        imported.held
    )?;
    if imported.damaged > 0 {
        writeln!(
            out,
            "{} jobs could not be read when this was exported, and are not in it",
            imported.damaged
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(file: &Path, queue: &Path) -> String {
        let command = Command::Import {
            file: file.to_owned(),
        };
        run(&command, queue, &mut io::sink())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_cannot_be_imported_is_named_and_creates_nothing() {
        let room = tempfile::tempdir().unwrap();
        let queue = room.path().join("queue");
        let empty = room.path().join("empty");
        fs::write(&empty, "").unwrap();
        let absent = room.path().join("absent");
        for (file, expected) in [
            (room.path(), "Is a directory"),
            (&empty, "is empty; name a file"),
            (&absent, "No such file"),
        ] {
            let error = import(file, &queue);
            assert!(error.contains(expected), "{error}");
            assert!(error.contains(&file.display().to_string()), "{error}");
            assert!(error.contains("`comenq export` printed"), "{error}");
        }
        assert!(!queue.exists());
    }

    #[test]
    fn a_check_leaves_a_directory_without_a_queue_as_it_was() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("file");
        fs::write(&file, "").unwrap();
        let empty = room.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let absent = room.path().join("absent");
        for queue in [&empty, &file, &absent] {
            let error = run(&Command::Check, queue, &mut io::sink()).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("there is no queue in"), "{error}");
            assert!(error.contains("--queue-path"), "{error}");
        }
        assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
        assert!(!absent.exists());
    }

    #[test]
    fn a_file_in_place_of_the_queue_is_named() {
        let room = tempfile::tempdir().unwrap();
        let export = room.path().join("export");
        fs::write(&export, "x\n").unwrap();
        for queue in [export.clone(), export.join("below")] {
            let error = import(&export, &queue);
            let expected = format!(
                "{} is a file, and the queue is a directory",
                export.display()
            );
            assert!(error.contains(&expected), "{error}");
        }
    }
}
