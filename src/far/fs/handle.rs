//! One directory as this process has it open: how a read and a write reach the file, and what is tried again.

use super::counters::Counters;
use super::fault::Fault;
use super::head::Head;
use super::mapped::{Mapped, Opened};
use super::notes::Notes;
use super::open::READERS;
use super::options::{Durability, Options};
use super::place::{Lock, Place, SetAside};
use super::registry::Opening;
use super::turn::Turns;
use super::write::{Job, Write, Writer};
use crate::far::error::{FarError, Problem};
use crate::sync::{Mutex, RwLock};
use heed::{RoTxn, WithoutTls};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// How often an operation is begun anew: a map that doubles each time has then grown four billion times.
const TRIES: u32 = 32;
/// A sync at most so often, in nanoseconds.
const SYNC_EVERY: u64 = 1_000_000_000;

/// A directory that is open. It belongs to one process: a child after a fork opens another and never touches this one.
pub(super) struct Handle {
    pub(super) pid: u32,
    pub(super) place: Place,
    pub(super) durability: Durability,
    pub(super) counters: Counters,
    pub(super) notes: Notes,
    pub(super) group: super::group::Group,
    pub(super) turns: Turns,
    pub(super) size: usize,
    /// Held for reading as long as a transaction runs, for writing when the file is opened anew.
    ///
    /// Lock order: the turn to write, [`Opening`], the lock of the directory, this, the writers' lock of LMDB.
    pub(super) gate: RwLock<Slot>,
    pub(super) marked: AtomicBool,
    pub(super) users: Mutex<Option<Lock>>,
    /// What was set aside since the store was opened.
    pub(super) aside: Mutex<Option<SetAside>>,
}

/// The file behind the gate. The number changes whenever the file is opened anew.
pub(super) struct Slot {
    pub(super) number: u64,
    pub(super) mapped: Option<Mapped>,
    pub(super) closed: bool,
}

impl Handle {
    /// Opens `place`.
    pub(super) fn open(_: &Opening, place: Place, options: &Options) -> Result<Self, Problem> {
        let size = options.map_size();
        let turns = Turns::new(&place, options.timeout);
        let lock = place.lock()?;
        let sync = options.durability == Durability::System;
        let opened = Mapped::open(&place, size, false, sync).map_err(problem)?;
        let users = place.enter()?;
        drop(lock);
        let Opened {
            mapped,
            set_aside,
            marked,
        } = opened;
        let notes = Notes::default();
        {
            let txn = mapped
                .env
                .read_txn()
                .map_err(|error| problem(error.into()))?;
            notes.renew(&mapped.trees, &txn).map_err(problem)?;
        }
        Ok(Self {
            pid: std::process::id(),
            place,
            durability: options.durability,
            counters: Counters::default(),
            notes,
            group: super::group::Group::default(),
            turns,
            size,
            gate: RwLock::new(Slot {
                number: 0,
                mapped: Some(mapped),
                closed: false,
            }),
            marked: AtomicBool::new(marked),
            users: Mutex::new(Some(users)),
            aside: Mutex::new(set_aside),
        })
    }

    /// What was set aside and was not asked for yet.
    pub(super) fn take_set_aside(&self) -> Option<SetAside> {
        self.aside.lock().take()
    }

    /// Runs `work` on what is there now.
    pub(super) fn read<R>(
        &self,
        operation: &'static str,
        now: u64,
        work: impl FnOnce(&Mapped, &RoTxn<'_, WithoutTls>) -> Result<R, Fault>,
    ) -> Result<R, FarError> {
        let mut work = Some(work);
        self.trying(operation, |mapped| {
            let txn = mapped.env.read_txn()?;
            if !mapped.is_current(&txn, now)? {
                return Err(Fault::Superseded);
            }
            let work = work.take().ok_or(Fault::Superseded)?;
            work(mapped, &txn)
        })
    }

    /// Runs `jobs` in one transaction: all of them are written, or none.
    pub(super) fn write(
        &self,
        operation: &'static str,
        jobs: &mut [Job<'_>],
    ) -> Result<(), FarError> {
        let _turn = self
            .turns
            .take()
            .map_err(|problem| self.error(operation, problem))?;
        let written = self.try_write(operation, jobs);
        if !matches!(&written, Err(error) if matches!(error.problem, Problem::DiskFull)) {
            return written;
        }
        // Pages that were given up are used again by the second transaction after; these two need next to none.
        for _ in 0..2 {
            let mut run = |write: &mut Write<'_, '_>| {
                write.changed = true;
                Ok(())
            };
            let writer = jobs.first().map_or(Writer::NOBODY, |job| job.writer);
            if self
                .try_write(
                    operation,
                    &mut [Job {
                        writer,
                        run: &mut run,
                    }],
                )
                .is_err()
            {
                return written;
            }
        }
        self.try_write(operation, jobs)
    }

    fn try_write(&self, operation: &'static str, jobs: &mut [Job<'_>]) -> Result<(), FarError> {
        self.trying(operation, |mapped| self.write_once(mapped, jobs))
            .map_err(|error| self.explain(error))
    }

    /// LMDB says "input/output error" where the disk takes only a part of what it is given.
    fn explain(&self, error: FarError) -> FarError {
        match &error.problem {
            Problem::Io(cause)
                if cause.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
                    && self.place.is_nearly_full() =>
            {
                FarError {
                    problem: Problem::DiskFull,
                    ..error
                }
            }
            _ => error,
        }
    }

    fn write_once(&self, mapped: &Mapped, jobs: &mut [Job<'_>]) -> Result<(), Fault> {
        if self.durability == Durability::Process && !self.marked.load(Relaxed) {
            return Err(Fault::Unmarked);
        }
        let mut txn = mapped.env.write_txn()?;
        let head = Head::load(&mapped.trees, &txn)?;
        if head.moved != 0 || !mapped.is_in_place()? {
            return Err(Fault::Superseded);
        }
        let counted = self.counters.take();
        let wrote = self.fill(mapped, &mut txn, head, jobs, &counted);
        let due = wrote.and_then(|due| {
            if due.is_some() {
                txn.commit()?;
            }
            Ok(due)
        });
        match due {
            Ok(Some(sync)) => {
                if sync {
                    mapped.env.force_sync()?;
                }
                Ok(())
            }
            // Nothing was changed, so nothing was written.
            Ok(None) => {
                self.counters.give_back(&counted);
                Ok(())
            }
            Err(fault) => {
                self.counters.give_back(&counted);
                Err(fault)
            }
        }
    }

    /// Runs the jobs and what every write does beside; whether there is something to commit, and a sync is due.
    fn fill(
        &self,
        mapped: &Mapped,
        txn: &mut heed::RwTxn<'_>,
        head: Head,
        jobs: &mut [Job<'_>],
        counted: &super::counters::Counted,
    ) -> Result<Option<bool>, Fault> {
        let mut write = Write::new(mapped, txn, head);
        for job in jobs.iter_mut() {
            write.begin(job.writer);
            (job.run)(&mut write)?;
            write.end()?;
        }
        if !write.changed {
            return Ok(None);
        }
        write.upkeep(&self.notes)?;
        let now = write.writer.now;
        let head = &mut write.head;
        counted.add_to(head);
        head.writes += 1;
        let sync =
            self.durability == Durability::Process && now.abs_diff(head.synced) >= SYNC_EVERY;
        if sync {
            head.synced = now;
        }
        write.head.store(&mapped.trees, write.txn)?;
        Ok(Some(sync))
    }

    /// Runs `work` on the open file, and again after whatever can be mended.
    fn trying<R>(
        &self,
        operation: &'static str,
        mut work: impl FnMut(&Mapped) -> Result<R, Fault>,
    ) -> Result<R, FarError> {
        let mut fault = Fault::Superseded;
        for _ in 0..TRIES {
            let slot = self.gate.read();
            if slot.closed {
                return Err(self.error(operation, Problem::Closed));
            }
            let number = slot.number;
            let Some(mapped) = &slot.mapped else {
                drop(slot);
                self.reopen(number, false)
                    .map_err(|fault| self.fail(operation, fault))?;
                continue;
            };
            fault = match work(mapped) {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            let grow = match fault {
                Fault::Unmarked => {
                    drop(slot);
                    self.mark()
                        .map_err(|problem| self.error(operation, problem))?;
                    continue;
                }
                Fault::Readers => {
                    let cleared = mapped.env.clear_stale_readers();
                    if cleared.is_ok_and(|count| count > 0) {
                        continue;
                    }
                    return Err(self.error(operation, Problem::Readers(READERS)));
                }
                Fault::Full => {
                    // Whoever was killed while reading keeps pages from being used again.
                    let _ = mapped.env.clear_stale_readers();
                    true
                }
                Fault::Resized | Fault::Superseded | Fault::Panicked => false,
                fault => {
                    drop(slot);
                    return Err(self.fail(operation, fault));
                }
            };
            drop(slot);
            self.reopen(number, grow)
                .map_err(|fault| self.fail(operation, fault))?;
        }
        Err(self.fail(operation, fault))
    }

    /// The open file, for what needs to hold it still.
    pub(super) fn with_mapped<R>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Mapped) -> Result<R, Fault>,
    ) -> Result<R, FarError> {
        let slot = self.gate.read();
        match &slot.mapped {
            Some(mapped) => {
                let done = work(mapped);
                drop(slot);
                done.map_err(|fault| self.fail(operation, fault))
            }
            None => Err(self.error(operation, Problem::Closed)),
        }
    }

    /// The position of the last change; `None` where that is not known at once.
    #[inline]
    pub(super) fn position(&self) -> Option<u64> {
        let slot = self.gate.try_read()?;
        slot.mapped.as_ref().map(Mapped::position)
    }

    /// The error of `operation`.
    pub(super) fn error(&self, operation: &'static str, problem: Problem) -> FarError {
        FarError::new(operation, &self.place.dir, problem)
    }

    fn fail(&self, operation: &'static str, fault: Fault) -> FarError {
        if let Fault::Corrupt(_) = &fault {
            // If this cannot be written either, the next operation finds the damage again.
            let _ = self.remember_damage();
        }
        self.error(operation, problem(fault))
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Path {
        &self.place.dir
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            // A child after a fork: the environment and the locks are the parent's.
            std::mem::forget(self.gate.get_mut().mapped.take());
            std::mem::forget(self.users.get_mut().take());
        }
    }
}

/// What the caller is told of `fault`.
pub(super) fn problem(fault: Fault) -> Problem {
    match fault {
        Fault::Problem(problem) => problem,
        Fault::Corrupt(what) => Problem::Damaged(what),
        Fault::Readers => Problem::Readers(READERS),
        Fault::Full => Problem::Unsupported("the map cannot grow any more".to_owned()),
        Fault::Resized | Fault::Superseded | Fault::Unmarked => {
            Problem::Busy("other processes kept replacing the file".to_owned())
        }
        Fault::Panicked => {
            Problem::Io(std::io::Error::other("an earlier write to the disk failed"))
        }
    }
}
