//! One open file: the environment, its trees, and whether it is still the current one.

use super::check;
use super::fault::Fault;
use super::head::Head;
use super::inspect::{self, Found};
use super::open::{Trees, environment, environment_of_child, trees};
use super::place::{Place, SetAside, State, boot, identity};
use crate::far::error::Problem;
use heed::{Env, RoTxn, WithoutTls};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How much further the positions of the next generation begin.
pub(super) const GENERATION: u32 = 40;
/// How long a reader trusts that the file still lies where it was.
const TRUST: u64 = 1_000_000_000;

/// A file that is open.
pub(super) struct Mapped {
    pub(super) env: Env<WithoutTls>,
    pub(super) trees: Trees,
    /// The position of a change is this and the number of its transaction.
    pub(super) base: u64,
    pub(super) generation: u64,
    path: PathBuf,
    identity: Option<(u64, u64)>,
    /// The last transaction that is known not to have moved the entries away.
    verified: AtomicU64,
    /// When the path was last looked at.
    looked: AtomicU64,
}

/// What it takes to see the two heads of a file, in its first pages: each has the number of a transaction at
/// [`TXN`](super::TXN), and the larger one is that of the last.
#[derive(Debug)]
pub struct Heads {
    /// The file, open for reading.
    pub file: File,
    /// The second head begins here.
    pub page_size: usize,
    /// The position of a change is this and the number of its transaction.
    pub base: u64,
}

/// What opening a directory gives.
pub(super) struct Opened {
    pub(super) mapped: Mapped,
    pub(super) set_aside: Option<SetAside>,
    /// Whether the state says already that there is more than what the disk has.
    pub(super) marked: bool,
}

impl Mapped {
    /// Opens the current file of `place`, whose lock the caller holds. What cannot be used is set aside.
    ///
    /// `size` is the size of the map where the file is new or where it `grow`s; else whoever grew it last has said it.
    pub(super) fn open(
        place: &Place,
        size: usize,
        grow: bool,
        sync: bool,
    ) -> Result<Opened, Fault> {
        let mut set_aside = None;
        loop {
            let state = current(place, &mut set_aside)?;
            let path = place.data(state.generation);
            let found = inspect::look(&path).map_err(Problem::from)?;
            let opened = match &found {
                Found::Damaged(reason) => Err(Fault::Corrupt(reason.clone())),
                _ => {
                    let size = (grow || found == Found::Nothing).then_some(size);
                    Self::open_file(place, &path, size, sync, &state)
                }
            };
            let opened = opened.and_then(|mapped| {
                if found == Found::Short {
                    mapped.verify()?;
                }
                Ok(mapped)
            });
            match opened {
                Ok(mapped) => {
                    place.tidy(state.generation)?;
                    return Ok(Opened {
                        mapped,
                        set_aside,
                        marked: !state.clean && state.boot == boot(),
                    });
                }
                // A second damaged file in a row is not made better by a third.
                Err(Fault::Corrupt(reason)) if set_aside.is_none() => {
                    replace(place, &state, &reason, &mut set_aside)?;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    fn open_file(
        place: &Place,
        path: &Path,
        size: Option<usize>,
        sync: bool,
        state: &State,
    ) -> Result<Self, Fault> {
        let env = match environment(path, size, sync) {
            Err(Fault::Problem(Problem::Conflict(_))) => {
                environment_of_child(place, path, size, sync)?
            }
            env => env?,
        };
        env.clear_stale_readers()?;
        let trees = trees(&env)?;
        let (head, is_empty) = {
            let txn = env.read_txn()?;
            (Head::read(&trees, &txn)?, trees.entries.is_empty(&txn)?)
        };
        let head = if let Some(head) = head {
            head
        } else if !is_empty {
            return Err(Fault::Corrupt("its head is missing".to_owned()));
        } else {
            let base = Self::base_of(state.generation);
            let head = Head {
                base,
                trimmed: base,
                ..Head::default()
            };
            let mut txn = env.write_txn()?;
            head.store(&trees, &mut txn)?;
            txn.commit()?;
            head
        };
        let mapped = Self {
            trees,
            base: head.base,
            generation: state.generation,
            identity: identity(path).map_err(Problem::from)?,
            path: path.to_path_buf(),
            verified: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            env,
        };
        if head.moved != 0 {
            mapped.is_not_moved()?;
        }
        Ok(mapped)
    }

    /// Says that the entries are here after all, where moving them was not brought to its end. The caller holds the lock of
    /// the directory, without which nobody moves anything.
    pub(super) fn is_not_moved(&self) -> Result<(), Fault> {
        let mut txn = self.env.write_txn()?;
        let head = Head::load(&self.trees, &txn)?;
        Head { moved: 0, ..head }.store(&self.trees, &mut txn)?;
        Ok(txn.commit()?)
    }

    /// Where the positions of `generation` begin.
    pub(super) fn base_of(generation: u64) -> u64 {
        generation << GENERATION
    }

    /// Reads everything, as parts of the file may be missing.
    fn verify(&self) -> Result<(), Fault> {
        let txn = self.env.read_txn()?;
        match check::check(&self.trees, &txn)?.problems.first() {
            Some(problem) => Err(Fault::Corrupt(problem.clone())),
            None => Ok(()),
        }
    }

    /// The position of the last change: reads the mapped head of the file, some nanoseconds.
    pub(super) fn position(&self) -> u64 {
        self.base + self.env.info().last_txn_id as u64
    }

    /// The heads of the file, for who wants to look at them often; `None` where that cannot be done.
    pub(super) fn heads(&self) -> Result<Option<Heads>, Problem> {
        let file = File::open(&self.path)?;
        let found = file.metadata()?;
        if self.identity != Some((found.dev(), found.ino())) {
            return Ok(None);
        }
        Ok(inspect::page_size(&file)?.map(|page_size| Heads {
            file,
            page_size,
            base: self.base,
        }))
    }

    /// Whether the file lies where it was opened.
    pub(super) fn is_in_place(&self) -> Result<bool, Problem> {
        Ok(identity(&self.path)? == self.identity)
    }

    /// Whether what `txn` sees is still current: the entries may have been moved to a smaller file, which the head says,
    /// or the file may have been set aside or removed, which the path says.
    pub(super) fn is_current(&self, txn: &RoTxn<'_>, now: u64) -> Result<bool, Fault> {
        let id = txn.id() as u64;
        if self.verified.load(Relaxed) != id {
            if Head::load(&self.trees, txn)?.moved != 0 {
                return Ok(false);
            }
            self.verified.store(id, Relaxed);
        }
        if now.abs_diff(self.looked.load(Relaxed)) >= TRUST {
            if !self.is_in_place()? {
                return Ok(false);
            }
            self.looked.store(now, Relaxed);
        }
        Ok(true)
    }
}

/// The state of `place`, after setting aside what the state itself says cannot be used.
fn current(place: &Place, set_aside: &mut Option<SetAside>) -> Result<State, Fault> {
    let state = match place.state()? {
        None => {
            let state = State::fresh();
            place.write_state(&state, false)?;
            return Ok(state);
        }
        Some(Ok(state)) => state,
        Some(Err(reason)) => {
            let path = place.dir.join("damaged-state");
            std::fs::rename(place.dir.join("state"), &path).map_err(Problem::from)?;
            *set_aside = Some(SetAside { path, reason });
            return current(place, set_aside);
        }
    };
    if state.damaged {
        return replace(
            place,
            &state,
            "it was found damaged while it was in use",
            set_aside,
        );
    }
    if !state.clean && state.boot != boot() {
        let reason = "the machine stopped before all of it had reached the disk";
        return replace(place, &state, reason, set_aside);
    }
    Ok(state)
}

/// Sets the current file aside and makes the next generation, which is empty, the current one.
fn replace(
    place: &Place,
    state: &State,
    reason: &str,
    set_aside: &mut Option<SetAside>,
) -> Result<State, Fault> {
    *set_aside = Some(place.set_aside(state.generation, reason)?);
    let next = State {
        generation: state.generation + 1,
        boot: String::new(),
        clean: true,
        damaged: false,
    };
    place.write_state(&next, false)?;
    Ok(next)
}
