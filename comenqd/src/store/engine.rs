//! An open store: its transactions, and the sync that makes a group of them durable.
//!
//! Decides how a store is opened, checked, taken over and repaired, and what one transaction and one
//! sync are. Owned by the commit thread (`commit`), which decides what shares a sync.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::commit::GROUP_LIMIT;
use super::files::open_sled;
use super::format::{self, Lock};
use super::news::{Committed, Observer};
use super::record::{self, Meta};
use super::space::Space;
use super::tree::Tree;
use super::txn::{Overlay, Txn};
use super::{Options, Recovery, StoreError, census, check, compact, keys, migrate, recovery};

/// How far the witness may be from telling how much lives in the store, before it is written anew.
const DRIFT_BYTES: u64 = 16 << 20;

/// An open store.
pub(super) struct Engine {
    root: PathBuf,
    db: sled::Db,
    /// The entries in it.
    tree: Tree,
    /// sled ends its flush without fsync: this handle on the same file makes it durable.
    file: File,
    meta: Meta,
    /// What the operations since the last sync changed.
    pending: Overlay,
    /// sled could not read: nobody knows what it would write.
    broken: Option<StoreError>,
    /// Whether there is room on the disk; `None` while opening.
    space: Option<Space>,
    /// How much lived in the store, roughly, when the witness was written.
    witnessed_live: u64,
    /// Who is told what became durable.
    observer: Option<Arc<dyn Observer>>,
    /// What the operations since the last sync came to.
    committed: Committed,
    /// Last, so that the files are closed before another process may open them. `None` where the
    /// process that called this one holds it.
    _lock: Option<Arc<Lock>>,
}

impl Engine {
    /// Opens the store, checks it, and repairs what a crash left. On a full disk it is tried again
    /// without the reserve, which is there for this.
    pub(super) fn open(options: &Options) -> Result<(Self, Recovery), StoreError> {
        let root = &options.path;
        format::create_root(root)?;
        let lock = Arc::new(format::lock(root, options.lock_patience)?);
        let mut space = Space::open(root);
        match Self::open_locked(options, &lock) {
            Err(_) if space.is_full() && space.give_up_reserve() => {
                Self::open_locked(options, &lock)
            }
            opened => opened,
        }
        .map(|(mut engine, recovery)| {
            engine.space = Some(space);
            (engine, recovery)
        })
    }

    fn open_locked(options: &Options, lock: &Arc<Lock>) -> Result<(Self, Recovery), StoreError> {
        let root = &options.path;
        compact::run(options, lock)?;
        let mut engine = Self::load(options, &format::find(root)?, lock)?;
        let format = engine.meta.format;
        if format < format::FIRST_WITH_BLOCKS {
            drop(engine);
            compact::upgrade(options, lock, format)?;
            engine = Self::load(options, &format::find(root)?, lock)?;
        }
        engine.take_census()?;
        let recovery = engine.recover(options)?;
        Ok((engine, recovery))
    }

    /// Opens a generation and checks that it is one to use.
    fn load(options: &Options, path: &Path, lock: &Arc<Lock>) -> Result<Self, StoreError> {
        let root = &options.path;
        let (mut db, mut file) = open_sled(path)?;
        let mut meta = read_meta(&db, options)?;
        if meta.incomplete {
            tracing::warn!(
                "an import into the queue {} was interrupted: what came of it is removed; import \
                 it again",
                root.display()
            );
            drop((db, file));
            format::remove_generation(path)?;
            (db, file) = open_sled(path)?;
            meta = read_meta(&db, options)?;
        }
        let mut engine = Self::over(root, (db, file), meta, Some(lock));
        engine.observer.clone_from(&options.observer);
        format::check(root, &engine.meta)?;
        if engine.meta.sequence == 0 {
            engine.begin()?;
        }
        format::settle(root, path)?;
        Ok(engine)
    }

    fn over(
        root: &Path,
        (db, file): (sled::Db, File),
        meta: Meta,
        lock: Option<&Arc<Lock>>,
    ) -> Self {
        Self {
            root: root.to_owned(),
            tree: Tree::of_format(&db, meta.format),
            db,
            file,
            meta,
            pending: Overlay::default(),
            broken: None,
            space: None,
            witnessed_live: 0,
            observer: None,
            committed: Committed::default(),
            _lock: lock.map(Arc::clone),
        }
    }

    /// A store of today's format in a generation that nothing names yet, under a lock that the
    /// caller's caller holds.
    pub(super) fn unnamed(root: &Path, generation: &Path) -> Result<Self, StoreError> {
        let opened = open_sled(generation)?;
        let meta = opened.0.get(keys::META)?.unwrap_or_default();
        let meta = record::decode(keys::META, &meta)?;
        Ok(Self::over(root, opened, meta, None))
    }

    /// Which store this is.
    pub(super) fn id(&self) -> u128 {
        self.meta.store
    }

    /// A new store in a generation that nothing names yet.
    pub(super) fn create(
        root: &Path,
        generation: &Path,
        meta: Meta,
        lock: &Arc<Lock>,
    ) -> Result<Self, StoreError> {
        let mut engine = Self::over(root, open_sled(generation)?, meta, Some(lock));
        engine.begin()?;
        Ok(engine)
    }

    /// Checks everything in it.
    pub(super) fn check(&self) -> Result<check::Report, StoreError> {
        check::examine(&self.tree, &self.meta)
    }

    /// Makes it the store in use, in place of one that never took a job.
    pub(super) fn put_in_use(&mut self, generation: &Path) -> Result<(), StoreError> {
        self.transact(|txn| {
            txn.meta.incomplete = false;
            txn.meta.restored_up_to = txn.meta.last_job;
            let meta = txn.meta.clone();
            txn.write(keys::META.to_vec(), &meta)
        })?;
        self.sync()?;
        // The witness of an empty store tells nothing, but would speak against this one.
        format::remove_witness(&self.root)?;
        format::switch(&self.root, generation)?;
        self.witness()?;
        format::remove_leftovers(&self.root, generation);
        Ok(())
    }

    /// The last job id that a store gave out.
    pub(super) fn last_job(generation: &Path) -> Result<u64, StoreError> {
        let (db, _) = open_sled(generation)?;
        let Some(bytes) = db.get(keys::META)? else {
            return Ok(0);
        };
        record::decode(keys::META, &bytes).map(|meta: Meta| meta.last_job)
    }

    /// The first commit of a new store.
    fn begin(&mut self) -> Result<(), StoreError> {
        let meta = self.meta.clone();
        self.transact(|txn| txn.write(keys::META.to_vec(), &meta))?;
        self.sync()
    }

    /// Gives a store what format 1 did not have.
    pub(super) fn complete_format_1(&mut self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            after = self.transact(|txn| migrate::name_keys(txn, after.as_deref()))?;
            self.sync()?;
            if after.is_none() {
                break;
            }
        }
        self.transact(migrate::count)?;
        self.sync()
    }

    /// Counts the unfinished jobs.
    pub(super) fn take_census(&self) -> Result<(), StoreError> {
        census::take(&self.tree, &self.meta)
    }

    fn recover(&mut self, options: &Options) -> Result<Recovery, StoreError> {
        let mut recovery = Recovery::default();
        if let Some(machine) = &options.machine
            && self.meta.machine.as_ref() != Some(machine)
        {
            recovery.held = self.adopt(machine, options.hold_restored_jobs)?;
        }
        // Taken now that no other process can post: whatever one sent, it sent before.
        let started = options.clock.mark();
        recovery.unresolved = self.transact(|txn| recovery::recover(txn, started))?;
        self.sync()?;
        self.witness()?;
        self.tell(None);
        Ok(recovery)
    }

    /// Takes over a store that was last used on another host. Interrupted, it begins again.
    fn adopt(&mut self, machine: &str, hold_jobs: bool) -> Result<usize, StoreError> {
        let mut count = 0;
        let mut after = None;
        while hold_jobs && self.meta.machine.is_some() {
            let ids = self.transact(|txn| recovery::unfinished(txn, after, GROUP_LIMIT))?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for id in ids {
                match self.transact(|txn| recovery::hold_restored(txn, id)) {
                    Ok(()) => count += 1,
                    Err(StoreError::Damaged(why)) => {
                        tracing::error!(job_id = id.get(), "job #{id} cannot be held: {why}");
                    }
                    Err(other) => return Err(other),
                }
            }
            self.sync()?;
            self.tell(None);
        }
        self.transact(|txn| {
            if hold_jobs && txn.meta.machine.is_some() {
                txn.meta.restored_up_to = txn.meta.last_job;
            }
            txn.meta.machine = Some(machine.to_owned());
            let meta = txn.meta.clone();
            txn.write(keys::META.to_vec(), &meta)
        })?;
        Ok(count)
    }

    /// Runs one operation in a transaction: it takes effect whole or not at all, and is durable
    /// after the next [`Engine::sync`].
    pub(super) fn transact<T>(
        &mut self,
        operation: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let room = self.space.as_ref().map(Space::room).unwrap_or_default();
        let mut txn = Txn::new(&self.tree, &mut self.pending, self.meta.clone(), room);
        let done = operation(&mut txn);
        match done.and_then(|done| txn.check_writes().map(|()| done)) {
            Ok(done) => {
                if self.observer.is_some() {
                    self.committed.news.append(&mut txn.news);
                    self.committed.attempts.append(&mut txn.attempts);
                }
                self.meta = txn.keep();
                Ok(done)
            }
            Err(error) => {
                txn.undo();
                if matches!(error, StoreError::Commit(_)) {
                    self.broken = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Runs one operation as [`Engine::transact`] does, and takes back all that it changed: nobody
    /// hears of it, and there is nothing to sync.
    pub(super) fn rehearse<T>(
        &mut self,
        operation: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let room = self.space.as_ref().map(Space::room).unwrap_or_default();
        let mut txn = Txn::new(&self.tree, &mut self.pending, self.meta.clone(), room);
        let done = operation(&mut txn);
        let done = done.and_then(|done| txn.check_writes().map(|()| done));
        txn.undo();
        if let Err(error @ StoreError::Commit(_)) = &done {
            self.broken = Some(error.clone());
        }
        done
    }

    /// Applies everything pending in one batch and makes it durable. After an error part of it may
    /// be in sled's buffers, so nothing that follows can be trusted: the engine is done with.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = self.pending.take_batch(&self.tree, &self.meta)?;
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        self.file
            .sync_data()
            .map_err(|error| StoreError::Commit(error.to_string()))
    }

    /// Tells what became durable. Only after a sync, and the witness where it must cover it.
    pub(super) fn tell(&mut self, took: Option<Duration>) {
        let committed = std::mem::take(&mut self.committed);
        if let Some(observer) = &self.observer {
            observer.committed(Committed { took, ..committed });
        }
    }

    /// Something waits for the next sync.
    pub(super) fn has_changes(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Looks how much room there is, if it is time to.
    pub(super) fn look_for_room(&mut self) {
        if let Some(space) = &mut self.space {
            space.look(&self.file);
        }
    }

    pub(super) fn witness(&mut self) -> Result<(), StoreError> {
        format::write_witness(&self.root, &self.meta)?;
        self.witnessed_live = self.live_bytes();
        Ok(())
    }

    fn live_bytes(&self) -> u64 {
        compact::live_bytes(self.meta.jobs, self.meta.body_bytes)
    }

    /// The witness is far from telling how much lives in the store.
    pub(super) fn has_drifted(&self) -> bool {
        self.live_bytes().abs_diff(self.witnessed_live) > DRIFT_BYTES
    }
}
/// What the store says of itself; a fresh start's own words where it says nothing.
fn read_meta(db: &sled::Db, options: &Options) -> Result<Meta, StoreError> {
    if let Some(bytes) = db.get(keys::META)? {
        return record::decode(keys::META, &bytes);
    }
    if !db.is_empty() {
        return Err(StoreError::Unavailable(format!(
            "the queue {} holds records but does not say what they are",
            options.path.display()
        )));
    }
    Ok(Meta {
        format: format::FORMAT,
        store: uuid::Uuid::new_v4().as_u128(),
        machine: options.machine.clone(),
        last_job: 0,
        sequence: 0,
        turns: 0,
        bumps: 0,
        jobs: 0,
        finished: 0,
        body_bytes: 0,
        restored_up_to: 0,
        incomplete: false,
    })
}
