//! The face of the store: one per cache and process, which a child after a fork can go on using.

use super::check::{self, Report};
use super::compact;
use super::entry::{Found, Page, Stats};
use super::handle::Handle;
use super::head::Head;
use super::lease;
use super::log::{self, Changed};
use super::mapped::{GENERATION, Heads};
use super::options::{Limits, Options};
use super::place::SetAside;
use super::read::{self, Lookup};
use super::registry::{self, Opening};
use crate::far::error::{FarError, Problem};
use crate::glob::Glob;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// A store of entries in one directory.
///
/// All times are nanoseconds since 1970, given by the caller. Every operation is atomic across processes. An entry that
/// is over is not there, whether it was removed yet or not.
pub struct FileStore {
    dir: PathBuf,
    pub(super) options: Options,
    pub(super) limits: Limits,
    /// Tells its own changes from those of others.
    mark: u64,
    first: Node,
    closed: AtomicBool,
    set_aside: Option<SetAside>,
}

/// The handle of one process; behind it that of a child which was forked from it, and so on. Not a lock around one handle:
/// a child would inherit it in whatever state it was.
struct Node {
    pid: u32,
    handle: Arc<Handle>,
    next: OnceLock<Box<Node>>,
}

impl Node {
    fn new(handle: Arc<Handle>) -> Self {
        Self {
            pid: handle.pid,
            handle,
            next: OnceLock::new(),
        }
    }
}

/// The number of this process as of the last look, so that the cheapest operation need not ask the system.
static PID: AtomicU32 = AtomicU32::new(0);

fn pid() -> u32 {
    let pid = std::process::id();
    if PID.load(Relaxed) != pid {
        PID.store(pid, Relaxed);
    }
    pid
}

/// Has the cheapest operation know that it is in a child after a fork now.
pub(super) fn note_process() {
    pid();
}

impl FileStore {
    /// Opens the store in `dir`, which is made if it is not there.
    ///
    /// What cannot be used is set aside, and the store begins empty: [`FileStore::set_aside`] tells.
    pub fn open(dir: &Path, options: Options) -> Result<Self, FarError> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let handle = registry::open(dir, &options)?;
        let number = NUMBER.fetch_add(1, Relaxed);
        pid();
        Ok(Self {
            dir: handle.dir().to_path_buf(),
            options,
            limits: Limits::new(&options),
            mark: mark(handle.pid, number),
            set_aside: handle.take_set_aside(),
            first: Node::new(handle),
            closed: AtomicBool::new(false),
        })
    }

    /// The file that was set aside when the store was opened, and why.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// As [`FileStore::set_aside`] of what happened since, told once.
    pub fn take_set_aside(&self) -> Result<Option<SetAside>, FarError> {
        Ok(self.handle("take_set_aside")?.take_set_aside())
    }

    /// The directory, with all links followed.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How it was opened.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// How many bytes and how many entries there may be; `None` is no limit.
    pub fn limits(&self) -> (Option<u64>, Option<u64>) {
        self.limits.get()
    }

    /// The handle of this process.
    #[inline]
    pub(super) fn handle(&self, operation: &'static str) -> Result<&Arc<Handle>, FarError> {
        if self.closed.load(Relaxed) {
            return Err(self.error(operation, Problem::Closed));
        }
        let pid = pid();
        match self.find_handle(pid) {
            Some(handle) => Ok(handle),
            None => self.open_in_child(operation, pid),
        }
    }

    #[inline]
    fn find_handle(&self, pid: u32) -> Option<&Arc<Handle>> {
        let mut node = &self.first;
        while node.pid != pid {
            node = node.next.get()?;
        }
        Some(&node.handle)
    }

    #[cold]
    fn open_in_child(&self, operation: &'static str, pid: u32) -> Result<&Arc<Handle>, FarError> {
        let handle = registry::open(&self.dir, &self.options)?;
        let opening = Opening::begin().map_err(|problem| self.error(operation, problem))?;
        if self.find_handle(pid).is_none() {
            let mut last = &self.first;
            while let Some(next) = last.next.get() {
                last = next;
            }
            // Under the right to open, which nobody has while a process is forked: a child never finds this half done.
            let _ = last.next.set(Box::new(Node::new(handle)));
        } else {
            drop(opening);
            registry::close(&handle)?;
        }
        self.find_handle(pid)
            .ok_or_else(|| self.error(operation, Problem::Closed))
    }

    /// Hands the entry of `key` to `take`, its payload in mapped memory, if there is one; `use_it` counts that, and moves
    /// the entry back in the order of eviction.
    ///
    /// No lock that a write needs is held meanwhile, but the map cannot grow before `take` returns.
    pub fn get_with<R>(
        &self,
        key: &[u8],
        now: u64,
        use_it: bool,
        take: impl FnOnce(&Found<'_>) -> R,
    ) -> Result<Option<R>, FarError> {
        let handle = self.handle("get")?;
        handle.read("get", now, |mapped, txn| {
            let found = read::find(&mapped.trees, txn, key, now)?;
            Ok(self
                .taken(handle, key, found, use_it)
                .map(|found| take(&found)))
        })
    }

    /// As [`FileStore::get_with`] for many keys, all as they are at one moment.
    pub fn get_many_with<R>(
        &self,
        keys: &[&[u8]],
        now: u64,
        mut take: impl FnMut(&Found<'_>) -> R,
    ) -> Result<Vec<Option<R>>, FarError> {
        let handle = self.handle("get_many")?;
        handle.read("get_many", now, |mapped, txn| {
            let mut all = Vec::with_capacity(keys.len());
            for key in keys {
                let found = read::find(&mapped.trees, txn, key, now)?;
                all.push(
                    self.taken(handle, key, found, true)
                        .map(|found| take(&found)),
                );
            }
            Ok(all)
        })
    }

    fn taken<'t>(
        &self,
        handle: &Handle,
        key: &[u8],
        looked: Lookup<'t>,
        use_it: bool,
    ) -> Option<Found<'t>> {
        if use_it {
            handle.counters.read(matches!(
                looked,
                Lookup::Found(Found { stale: false, .. }, _)
            ));
        }
        if matches!(looked, Lookup::Damaged) {
            handle.counters.damage();
        }
        let (found, stamp) = looked.found()?;
        if use_it && self.limits.any() {
            handle.notes.read(key, found.version, stamp);
        }
        Some(found)
    }

    /// Up to `limit` entries in the order of their keys: those that begin with `prefix` and match `glob`, behind `cursor`.
    ///
    /// Each call is a short read of its own, so that a long scan keeps no old pages; entries that are written meanwhile
    /// are in it or not.
    pub fn scan(
        &self,
        prefix: &[u8],
        glob: Option<&Glob>,
        cursor: Option<&[u8]>,
        limit: usize,
        now: u64,
    ) -> Result<Page, FarError> {
        let handle = self.handle("scan")?;
        handle.read("scan", now, |mapped, txn| {
            read::scan(mapped, txn, (prefix, glob), cursor, limit.max(1), now)
        })
    }

    /// What was counted, in all processes.
    pub fn stats(&self, now: u64) -> Result<Stats, FarError> {
        let handle = self.handle("stats")?;
        handle.read("stats", now, |mapped, txn| {
            let mut head = Head::load(&mapped.trees, txn)?;
            handle.counters.peek().add_to(&mut head);
            let info = mapped.env.info();
            Ok(Stats {
                entries: head.count,
                bytes: head.bytes,
                disk_bytes: mapped.env.real_disk_size()?,
                map_bytes: info.map_size as u64,
                hits: head.hits,
                misses: head.misses,
                evictions: head.evictions,
                expirations: head.expirations,
                damaged: head.damaged,
                writes: head.writes,
                readers: info.number_of_readers,
            })
        })
    }

    /// Reads and compares everything, in one long read.
    pub fn check(&self, now: u64) -> Result<Report, FarError> {
        let handle = self.handle("check")?;
        handle.read("check", now, |mapped, txn| check::check(&mapped.trees, txn))
    }

    /// Moves the entries to a file without free pages; bytes of the file before and after. Nobody writes meanwhile.
    pub fn compact(&self) -> Result<(u64, u64), FarError> {
        compact::compact(self.handle("compact")?)
    }

    /// The position of the last change by anyone, which costs some nanoseconds; `None` where it cannot be told at once.
    #[inline]
    pub fn position(&self) -> Option<u64> {
        if self.closed.load(Relaxed) {
            return None;
        }
        self.find_handle(PID.load(Relaxed))?.position()
    }

    /// The generation of the file that has this position.
    pub fn generation_of(position: u64) -> u64 {
        position >> GENERATION
    }

    /// The heads of the current file, of which [`FileStore::position`] is read.
    pub fn heads(&self) -> Result<Option<Heads>, FarError> {
        let heads = self
            .handle("heads")?
            .with_mapped("heads", |mapped| Ok(mapped.heads()?))?;
        Ok(heads)
    }

    /// What others changed after the position `since`; 0 asks for the present position only.
    pub fn changes(&self, since: u64, now: u64) -> Result<Changed, FarError> {
        let handle = self.handle("changes")?;
        handle.read("changes", now, |mapped, txn| {
            let at = mapped.base + txn.id() as u64;
            if since == at {
                return Ok(Changed {
                    at,
                    ..Changed::default()
                });
            }
            let trimmed = Head::load(&mapped.trees, txn)?.trimmed;
            log::changes(
                &mapped.trees,
                txn,
                (since, at, trimmed),
                self.mark_of(handle.pid),
            )
        })
    }

    /// What marks the changes that the process `pid` makes with this store: a child after a fork is not its parent.
    pub(super) fn mark_of(&self, pid: u32) -> u64 {
        self.mark ^ u64::from(pid).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// The keys that somebody, here or elsewhere, has a lease of.
    pub fn leased(&self, now: u64) -> Result<Vec<Vec<u8>>, FarError> {
        let handle = self.handle("leased")?;
        handle.read("leased", now, |mapped, txn| {
            lease::leased(&mapped.trees, txn, now)
        })
    }

    /// The generation of the tags: what is made from now on is invalidated by what comes after it.
    pub fn generation(&self, now: u64) -> Result<u64, FarError> {
        let handle = self.handle("generation")?;
        handle.read("generation", now, |mapped, txn| {
            Ok(Head::load(&mapped.trees, txn)?.generation)
        })
    }

    /// Ends the use of the store: what it counted is written, and the last one to close it waits for the disk.
    pub fn close(&self) -> Result<(), FarError> {
        if self.closed.load(Relaxed) {
            return Ok(());
        }
        let pid = pid();
        let Some(handle) = self.find_handle(pid).cloned() else {
            self.closed.store(true, Relaxed);
            return Ok(());
        };
        // What was counted is not worth an error.
        let _ = self.settle(&handle);
        if self.closed.swap(true, Relaxed) {
            return Ok(());
        }
        registry::close(&handle)
    }

    pub(super) fn error(&self, operation: &'static str, problem: Problem) -> FarError {
        FarError::new(operation, &self.dir, problem)
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = self.close();
    }
}

impl std::fmt::Debug for FileStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileStore")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// A number that no other store has, in this process or in another.
fn mark(pid: u32, number: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(pid);
    hasher.write_u64(number);
    hasher.finish()
}
