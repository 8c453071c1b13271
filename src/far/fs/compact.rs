//! Gives the disk back what the file does not need any more: its entries move to a new file, the next generation.
//!
//! 1. The lock of the directory is taken, so that nobody opens, and the writers' lock, so that nobody writes.
//! 2. The entries are copied to the next generation's file, which takes on the numbers of the old one.
//! 3. The head of the old file says that it was moved, so that whoever has it open opens anew, with their next read or
//!    write, and waits for the lock of the directory to do so.
//! 4. The state names the next generation. This is the moment of the change: whoever opens from now on opens that.
//! 5. The old file is removed from the directory.
//!
//! A process that is killed on the way leaves either the old file as the current one, or the new one. If it is the old one
//! although its head says otherwise, whoever opens it next sets that right: nobody has written to either since.

use super::fault::Fault;
use super::handle::Handle;
use super::head::Head;
use super::mapped::Mapped;
use super::open::{environment, trees};
use super::options::Durability;
use super::place::{Place, State, boot, private, remove};
use super::registry::Opening;
use crate::far::error::{FarError, Problem};
use heed::CompactionOption;
use std::path::Path;

/// Compacts the file of `handle`; bytes before and after.
pub(super) fn compact(handle: &Handle) -> Result<(u64, u64), FarError> {
    const WHAT: &str = "compact";
    let failed = |problem| handle.error(WHAT, problem);
    // Whatever keeps an older file open here opens the current one.
    handle.read(WHAT, u64::MAX, |_, _| Ok(()))?;
    let _turn = handle.turns.take().map_err(failed)?;
    let _opening = Opening::begin().map_err(failed)?;
    let _lock = handle.place.lock().map_err(failed)?;
    let (generation, sizes) = handle.with_mapped(WHAT, |mapped| {
        let sizes = move_entries(handle, mapped)?;
        Ok((mapped.generation, sizes))
    })?;
    handle.let_go(generation);
    Ok(sizes)
}

fn move_entries(handle: &Handle, mapped: &Mapped) -> Result<(u64, u64), Fault> {
    let place = &handle.place;
    let state = match place.state()? {
        Some(Ok(state)) if state.generation == mapped.generation => state,
        _ => return Err(Problem::Busy("another process replaced the file".to_owned()).into()),
    };
    let mut txn = mapped.env.write_txn()?;
    let mut head = Head::load(&mapped.trees, &txn)?;
    let next = State {
        generation: state.generation + 1,
        ..state
    };
    let (old, new) = (place.data(state.generation), place.data(next.generation));
    remove(&new).map_err(Problem::from)?;
    let copied = copy(mapped, &new, &head, next.generation);
    let after = match copied {
        Ok(len) => len,
        Err(fault) => {
            remove_pair(&new)?;
            return Err(fault);
        }
    };
    let before = mapped.env.real_disk_size()?;
    let sync = handle.durability == Durability::System;
    let boot = if sync { next.boot.clone() } else { boot() };
    let next = State {
        boot,
        clean: next.clean && sync,
        ..next
    };
    head.moved = 1;
    head.store(&mapped.trees, &mut txn)?;
    txn.commit()?;
    if let Err(problem) = place.write_state(&next, true)
        && !matches!(place.state(), Ok(Some(Ok(state))) if state.generation == next.generation)
    {
        mapped.is_not_moved()?;
        remove_pair(&new)?;
        return Err(problem.into());
    }
    remove_pair(&old)?;
    Ok((before, after))
}

/// Copies the entries to the file `new`, whose positions go on behind those of the old one; its length.
fn copy(mapped: &Mapped, new: &Path, head: &Head, generation: u64) -> Result<u64, Fault> {
    let mut file = private().truncate(true).open(new).map_err(Problem::from)?;
    mapped
        .env
        .copy_to_file(&mut file, CompactionOption::Enabled)?;
    file.sync_data().map_err(Problem::from)?;
    let env = environment(new, None, true)?;
    let trees = trees(&env)?;
    let mut txn = env.write_txn()?;
    let base = Mapped::base_of(generation);
    Head { base, ..*head }.store(&trees, &mut txn)?;
    txn.commit()?;
    Ok(env.real_disk_size()?)
}

fn remove_pair(data: &Path) -> Result<(), Problem> {
    remove(data)?;
    Ok(remove(&Place::lock_of(data))?)
}
