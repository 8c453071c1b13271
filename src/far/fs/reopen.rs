//! How a directory comes to be closed, and its file to be opened anew: where the map has to grow, where another process
//! has put another file in its place, where the machine may stop before the disk has everything.

use super::fault::Fault;
use super::handle::{Handle, problem};
use super::mapped::Mapped;
use super::options::Durability;
use super::place::{Lock, State, boot};
use super::registry::Opening;
use crate::far::error::{FarError, Problem};
use std::sync::atomic::Ordering::Relaxed;

impl Handle {
    /// Opens the file anew, twice as large if it is to `grow`, unless somebody has done so since the slot had `number`.
    pub(super) fn reopen(&self, number: u64, grow: bool) -> Result<(), Fault> {
        let _opening = Opening::begin()?;
        let lock = self.place.lock()?;
        let mut slot = self.gate.write();
        if slot.closed {
            return Err(Problem::Closed.into());
        }
        if slot.number != number {
            return Ok(());
        }
        slot.number += 1;
        let size = match slot.mapped.take() {
            Some(mapped) if grow => mapped.env.info().map_size.saturating_mul(2),
            _ => self.size,
        };
        self.turns.renew();
        let mut users = self.users.lock();
        if !users
            .as_ref()
            .is_some_and(|lock| lock.is_of(&self.place.users()).unwrap_or(false))
        {
            *users = Some(self.place.enter()?); // the directory was removed, and `lock` has made it again
        }
        let sync = self.durability == Durability::System;
        let opened = Mapped::open(&self.place, size, grow, sync)?;
        self.marked.store(opened.marked, Relaxed);
        if opened.set_aside.is_some() {
            *self.aside.lock() = opened.set_aside;
        }
        slot.mapped = Some(opened.mapped);
        drop(lock);
        Ok(())
    }

    /// Remembers, before the first write of this run of the machine, that the disk does not have everything.
    pub(super) fn mark(&self) -> Result<(), Problem> {
        let _opening = Opening::begin()?;
        let _lock = self.place.lock()?;
        // Where it is missing, or makes no sense, the write finds out, and opens the file anew.
        if let Some(Ok(state)) = self.place.state()? {
            let state = State {
                boot: boot(),
                clean: false,
                ..state
            };
            self.place.write_state(&state, true)?;
        }
        self.marked.store(true, Relaxed);
        Ok(())
    }

    /// Drops the open file; whoever comes next opens the current one.
    pub(super) fn let_go(&self, generation: u64) {
        let mut slot = self.gate.write();
        if slot
            .mapped
            .as_ref()
            .is_some_and(|mapped| mapped.generation == generation)
        {
            slot.number += 1;
            slot.mapped = None;
        }
    }

    /// Ends the use of the directory by this process.
    pub(super) fn close(&self, _: &Opening) -> Result<(), FarError> {
        let failed = |problem| self.error("close", problem);
        let lock = self.place.lock().map_err(failed)?;
        let mapped = {
            let mut slot = self.gate.write();
            slot.closed = true;
            slot.mapped.take()
        };
        let users = self.users.lock().take();
        let Some(mapped) = mapped else {
            return Ok(());
        };
        if !mapped.is_in_place().map_err(failed)? {
            return Ok(());
        }
        let state = match self.place.state().map_err(failed)? {
            Some(Ok(state)) if !state.clean => state,
            _ => return Ok(()),
        };
        // What any process has written: the sync is of the file.
        let synced = mapped.env.force_sync();
        synced.map_err(|error| failed(problem(error.into())))?;
        drop(mapped);
        if users.as_ref().is_some_and(Lock::is_last) {
            let state = State {
                boot: String::new(),
                clean: true,
                ..state
            };
            // If this cannot be written, the next run of the machine begins with an empty store.
            let _ = self.place.write_state(&state, true);
        }
        drop(lock);
        Ok(())
    }

    /// Has the file set aside by whoever opens it next, and opens it next.
    pub(super) fn remember_damage(&self) -> Result<(), Problem> {
        let _opening = Opening::begin()?;
        let _lock = self.place.lock()?;
        let slot = self.gate.read();
        let generation = slot.mapped.as_ref().map(|mapped| mapped.generation);
        drop(slot);
        if let Some(Ok(state)) = self.place.state()?
            && generation == Some(state.generation)
        {
            let damaged = State {
                damaged: true,
                ..state
            };
            self.place.write_state(&damaged, false)?;
            self.let_go(damaged.generation);
        }
        Ok(())
    }
}
