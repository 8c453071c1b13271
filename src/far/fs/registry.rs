//! One open environment per directory and process: LMDB must not open a file twice, as closing one would give the locks
//! of the other away.

use super::handle::Handle;
use super::options::Options;
use super::place::Place;
use crate::far::error::{FarError, Problem};
use crate::sync::{Held, Mutex, Right};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

static OPENING: Right = Right::new();

/// The right to open and close environments in this process.
pub(super) struct Opening(#[allow(dead_code)] Held); // given back when it is dropped

impl Opening {
    /// Waits for it.
    pub(super) fn begin() -> Result<Self, Problem> {
        OPENING.take().map(Self).ok_or_else(|| {
            Problem::Busy("another thread has been opening a store for a minute".to_owned())
        })
    }
}

/// To be called before a fork, so that no other thread is opening or closing something while it happens.
pub fn before_fork() {
    OPENING.before_fork();
}

/// To be called after it, in the parent and in the child.
pub fn after_fork() {
    super::store::note_process();
    OPENING.after_fork();
}

struct Entry {
    handle: Arc<Handle>,
    users: usize,
}

/// Only ever locked with the right to open, so that nobody waits for it.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Entry>>> = LazyLock::new(Mutex::default);

/// The handle of `dir`, opened if this process does not have it open.
pub(super) fn open(dir: &Path, options: &Options) -> Result<Arc<Handle>, FarError> {
    open_dir(dir, options).map_err(|problem| FarError::new("open", dir, problem))
}

fn open_dir(dir: &Path, options: &Options) -> Result<Arc<Handle>, Problem> {
    let opening = Opening::begin()?;
    let place = Place::prepare(dir)?;
    let mut open = OPEN.lock();
    if let Some(entry) = open.get_mut(&place.dir)
        && entry.handle.pid == std::process::id()
    {
        if entry.handle.durability != options.durability {
            return Err(Problem::Conflict(format!(
                "this process has it open with durability {:?} and cannot open it with {:?} as well: use one of them, or \
                 close the other cache first",
                entry.handle.durability.name(),
                options.durability.name()
            )));
        }
        entry.users += 1;
        return Ok(Arc::clone(&entry.handle));
    }
    let key = place.dir.clone();
    let handle = Arc::new(Handle::open(&opening, place, options)?);
    let entry = Entry {
        handle: Arc::clone(&handle),
        users: 1,
    };
    // What a child finds here is its parent's, whose environment `Handle` leaves alone when it is dropped.
    open.insert(key, entry);
    Ok(handle)
}

/// One user less of `handle`; the last one closes it.
pub(super) fn close(handle: &Arc<Handle>) -> Result<(), FarError> {
    if handle.pid != std::process::id() {
        return Ok(());
    }
    let opening = Opening::begin().map_err(|problem| handle.error("close", problem))?;
    let mut open = OPEN.lock();
    let Some(entry) = open.get_mut(handle.dir()) else {
        return Ok(());
    };
    if !Arc::ptr_eq(&entry.handle, handle) {
        return Ok(());
    }
    entry.users -= 1;
    if entry.users > 0 {
        return Ok(());
    }
    open.remove(handle.dir());
    drop(open);
    handle.close(&opening)
}
