//! What belongs to one process: a child after a fork gets its own, and never touches its parent's.
//!
//! The threads of a runtime are not in the child, and a connection must not be used by two. So everything that has either
//! hangs on a chain with one link per process, of which a child leaves all but its own alone.

use crate::far::error::Problem;
use crate::sync::{Held, Right};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::{Builder, Runtime};

/// Threads that drive the connections of all stores.
const WORKERS: usize = 1;

static MAKING: Right = Right::new();
/// The number of this process as of the last look, so that what is cheap need not ask the system.
static PID: AtomicU32 = AtomicU32::new(0);

/// The right to make what belongs to a process.
pub(super) struct Making(#[allow(dead_code)] Held); // given back when it is dropped

impl Making {
    /// Waits for it.
    pub(super) fn begin() -> Result<Self, Problem> {
        MAKING.take().map(Self).ok_or_else(|| {
            Problem::Busy("another thread has been connecting for a minute".to_owned())
        })
    }
}

/// To be called before a fork, so that no other thread is making something while it happens.
pub fn before_fork() {
    MAKING.before_fork();
}

/// To be called after it, in the parent and in the child.
pub fn after_fork() {
    pid();
    MAKING.after_fork();
}

/// The number of this process.
pub(super) fn pid() -> u32 {
    let pid = std::process::id();
    if PID.load(Ordering::Relaxed) != pid {
        PID.store(pid, Ordering::Relaxed);
    }
    pid
}

/// As [`pid`], as of the last look.
#[inline]
pub(super) fn noted_pid() -> u32 {
    PID.load(Ordering::Relaxed)
}

/// One thing per process.
pub(super) struct PerProcess<T: 'static> {
    first: OnceLock<Box<Link<T>>>,
}

struct Link<T: 'static> {
    pid: u32,
    /// Never dropped where it does not belong.
    own: T,
    next: OnceLock<Box<Link<T>>>,
}

impl<T: 'static> PerProcess<T> {
    /// Nothing, in any process.
    pub(super) const fn new() -> Self {
        Self {
            first: OnceLock::new(),
        }
    }

    /// That of the process `pid`.
    #[inline]
    pub(super) fn find(&self, pid: u32) -> Option<&T> {
        let mut link = self.first.get()?;
        while link.pid != pid {
            link = link.next.get()?;
        }
        Some(&link.own)
    }

    /// That of this process, made if there is none.
    pub(super) fn get(&self, make: impl FnOnce() -> Result<T, Problem>) -> Result<&T, Problem> {
        let pid = pid();
        if let Some(own) = self.find(pid) {
            return Ok(own);
        }
        let _making = Making::begin()?;
        if self.find(pid).is_none() {
            let link = Box::new(Link {
                pid,
                own: make()?,
                next: OnceLock::new(),
            });
            let mut place = &self.first;
            while let Some(link) = place.get() {
                place = &link.next;
            }
            // With the right to make it, which nobody has while a process is forked: a child never finds this half done.
            let _ = place.set(link);
        }
        self.find(pid)
            .ok_or_else(|| Problem::Busy("another thread made the same".to_owned()))
    }
}

impl<T: 'static> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let pid = std::process::id();
        let mut next = self.first.take();
        while let Some(link) = next {
            let Link {
                pid: of,
                own,
                next: mut behind,
            } = *link;
            if of != pid {
                std::mem::forget(own);
            }
            next = behind.take();
        }
    }
}

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// The runtime of this process, which lives as long as it does.
pub(super) fn runtime() -> Result<&'static Runtime, Problem> {
    RUNTIME.get(|| {
        Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("omnicache-redis")
            .enable_all()
            .build()
            .map_err(Problem::from)
    })
}

/// Runs all of `works` on the threads that drive connections, as one task: so they are all written before the connection
/// is, and go out together, where tasks of their own would be written one by one.
pub fn spawn_all(
    works: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>,
) -> Result<(), Problem> {
    runtime()?.spawn(async move {
        let mut works: FuturesUnordered<_> = works.into_iter().collect();
        while works.next().await.is_some() {}
    });
    Ok(())
}

/// Waits for `work` in this thread, which must be none of the runtime's own.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Problem> {
    Ok(runtime()?.block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_own_and_leaves_others_alone() {
        struct Loud(u32);
        impl Drop for Loud {
            fn drop(&mut self) {
                assert_eq!(self.0, std::process::id(), "it belongs to another process");
            }
        }
        let all = PerProcess::new();
        let parent = Box::new(Link {
            pid: u32::MAX,
            own: Loud(u32::MAX),
            next: OnceLock::new(),
        });
        assert!(all.first.set(parent).is_ok());
        let own = all.get(|| Ok(Loud(std::process::id()))).unwrap();
        assert_eq!(own.0, std::process::id());
        let again = all.get(|| Err(Problem::Closed)).unwrap();
        assert!(std::ptr::eq(own, again));
        assert_eq!(all.find(u32::MAX).unwrap().0, u32::MAX);
    }

    #[test]
    fn what_cannot_be_made_is_tried_again() {
        let all = PerProcess::new();
        assert!(all.get(|| Err(Problem::Closed)).is_err());
        assert_eq!(*all.get(|| Ok(7)).unwrap(), 7);
    }

    #[test]
    fn the_runtime_runs_what_it_is_given() {
        assert_eq!(block_on(async { 7 }).unwrap(), 7);
    }
}
