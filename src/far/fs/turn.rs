//! The turn to write: who may ask LMDB for its writers' lock, which nobody can stop waiting for.
//!
//! A process that is stopped in the middle of a transaction has that lock until it goes on. So whoever writes first takes
//! a lock of its own kind, of a file, which can be asked for without waiting: the threads of a process one after the other,
//! the processes by asking again and again. It costs two short calls of the system. The system gives it back when a
//! process dies. Nothing but waiting depends on it: what keeps writers apart is LMDB's own lock.
//!
//! Lock order: the turn, then whatever [`Handle`](super::handle::Handle) says.

use super::place::{Place, private};
use crate::far::error::Problem;
use crate::sync::{Inside, Mutex, Turnstile};
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How long between two attempts: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_micros(10), Duration::from_micros(320));

/// The turns of one process in one directory.
#[derive(Debug)]
pub(super) struct Turns {
    path: PathBuf,
    timeout: Duration,
    inside: Turnstile,
    /// Locked only by who is inside, so never waited for.
    file: Mutex<Option<File>>,
    /// Whether the file may not be the one that others lock.
    old: AtomicBool,
}

/// The right to write, given back when dropped.
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    _inside: Inside<'t>,
}

impl Turns {
    /// The turns in `place`, each waited for as long as `timeout`.
    pub(super) fn new(place: &Place, timeout: Duration) -> Self {
        Self {
            path: place.dir.join("write.lock"),
            timeout,
            inside: Turnstile::default(),
            file: Mutex::new(None),
            old: AtomicBool::new(false),
        }
    }

    /// Waits for a turn.
    pub(super) fn take(&self) -> Result<Turn<'_>, Problem> {
        let Some(inside) = self.inside.enter(self.timeout) else {
            return Err(self.busy("another thread of this process"));
        };
        let turn = Turn {
            turns: self,
            _inside: inside,
        };
        let mut file = self.file.lock();
        if file.is_none() || self.old.swap(false, Relaxed) {
            *file = match private().open(&self.path) {
                // Without the directory, the write finds out what is to be done.
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                opened => Some(opened?),
            };
        }
        let Some(lock) = &*file else {
            drop(file);
            return Ok(turn);
        };
        let (mut pause, mut waited) = (PAUSE.0, Duration::ZERO);
        loop {
            match fcntl_lock(lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    drop(file);
                    return Ok(turn);
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            if waited >= self.timeout {
                return Err(self.busy("another process"));
            }
            std::thread::sleep(pause);
            // A sleep takes some 60 microseconds longer than was asked for.
            waited += pause + Duration::from_micros(60);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// The directory may have been made anew: the next turn opens the file again.
    pub(super) fn renew(&self) {
        self.old.store(true, Relaxed);
    }

    /// What somebody is told who waited for a turn in vain.
    pub(super) fn busy(&self, who: &str) -> Problem {
        Problem::Busy(format!(
            "{who} has been writing for {:?}, as long as a write may wait",
            self.timeout
        ))
    }

    /// How long a turn is waited for.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(file) = &*self.turns.file.lock() {
            // Closing the file would give it back as well; nothing can be done if this does not work.
            let _ = fcntl_lock(file, FlockOperation::NonBlockingUnlock);
        }
    }
}
