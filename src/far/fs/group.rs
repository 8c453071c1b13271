//! Writes of several threads in one commit: who comes while a commit is under way waits, and the first of those who waited
//! writes for all of them. Where a commit waits for the disk, that is what the disk has time for.

use super::fault::Fault;
use super::handle::Handle;
use super::write::{Job, Write, Writer};
use crate::far::error::{FarError, Problem};
use crate::sync::{Mutex, Turnstile};
use std::sync::Arc;

type Run = Box<dyn FnMut(&mut Write<'_, '_>) -> Result<(), Fault> + Send>;

/// Those who wait.
#[derive(Default)]
pub(super) struct Group {
    waiting: Mutex<Vec<Waiting>>,
    lead: Turnstile,
}

struct Waiting {
    writer: Writer,
    run: Run,
    done: Arc<Mutex<Option<Result<(), FarError>>>>,
}

impl Group {
    /// Runs `run` in a transaction with whatever else waits.
    pub(super) fn write(
        &self,
        handle: &Handle,
        operation: &'static str,
        writer: Writer,
        run: Run,
    ) -> Result<(), FarError> {
        let done = Arc::new(Mutex::new(None));
        self.waiting.lock().push(Waiting {
            writer,
            run,
            done: Arc::clone(&done),
        });
        let Some(leading) = self.lead.enter(handle.turns.timeout()) else {
            self.waiting
                .lock()
                .retain(|waiting| !Arc::ptr_eq(&waiting.done, &done));
            let busy = handle.turns.busy("another thread of this process");
            return Err(handle.error(operation, busy));
        };
        if let Some(done) = done.lock().take() {
            return done;
        }
        // Whoever leads takes everything that waits, so this one's own is among it.
        let mut waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.len() > 1 {
            let mut jobs: Vec<_> = waiting.iter_mut().map(Waiting::job).collect();
            match handle.write(operation, &mut jobs) {
                Ok(()) => {
                    for waiting in waiting.drain(..) {
                        *waiting.done.lock() = Some(Ok(()));
                    }
                }
                // Nobody waits as long once more.
                Err(FarError {
                    problem: Problem::Busy(who),
                    ..
                }) => {
                    for waiting in waiting.drain(..) {
                        let busy = handle.error(operation, Problem::Busy(who.clone()));
                        *waiting.done.lock() = Some(Err(busy));
                    }
                }
                Err(_) => {}
            }
        }
        // Alone, or one of them could not be written: each for itself, so that each is told what became of it.
        for mut waiting in waiting {
            let written = handle.write(operation, &mut [waiting.job()]);
            *waiting.done.lock() = Some(written);
        }
        drop(leading);
        let done = done.lock().take();
        done.unwrap_or_else(|| {
            let died = "the thread that wrote for this one died".to_owned();
            Err(handle.error(operation, Problem::Busy(died)))
        })
    }
}

impl Waiting {
    fn job(&mut self) -> Job<'_> {
        Job {
            writer: self.writer,
            run: &mut *self.run,
        }
    }
}
