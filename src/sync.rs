//! Locks that survive a fork: those of the standard library, without its word on threads that panicked.
//!
//! Not those of `parking_lot`: who waits for one of them stands in a table of the process, in memory of his own thread. A
//! child after a fork inherits the table and not the threads; as soon as it has enough threads of its own for the table
//! to grow, it walks over memory that by then is something else. These wait in the kernel, which knows who is there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{
    self, Condvar, MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};
use std::time::Duration;

/// What one thread of a process may do at a time. Not a mutex, which a child would inherit in whatever state it was when
/// another thread forked: here it sees that the owner is not itself.
#[derive(Debug, Default)]
pub struct Right {
    /// The process that has it, or 0.
    owner: AtomicU32,
}

/// A [`Right`] that is somebody's, given back when dropped.
#[derive(Debug)]
pub struct Held(&'static Right);

impl Right {
    const TRIES: u32 = 600_000;
    const PAUSE: Duration = Duration::from_micros(100);

    /// One that nobody has.
    pub const fn new() -> Self {
        Self {
            owner: AtomicU32::new(0),
        }
    }

    /// Waits for it; `None` after a minute.
    pub fn take(&'static self) -> Option<Held> {
        let pid = std::process::id();
        for _ in 0..Self::TRIES {
            let owner = self.owner.load(Ordering::Relaxed);
            if (owner == 0 || owner != pid)
                && self
                    .owner
                    .compare_exchange(owner, pid, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Some(Held(self));
            }
            std::thread::sleep(Self::PAUSE);
        }
        None
    }

    /// Takes it before a fork, so that no other thread has it while that happens.
    pub fn before_fork(&'static self) {
        std::mem::forget(self.take());
    }

    /// Gives it back after the fork, in the parent and in the child.
    pub fn after_fork(&self) {
        self.owner.store(0, Ordering::Release);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.owner.store(0, Ordering::Release);
    }
}

/// A lock for one at a time.
#[derive(Debug, Default)]
pub struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Waits for it.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes it if nobody has it.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// What is inside, for its only user.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is inside.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock for one who writes or many who read.
#[derive(Debug, Default)]
pub struct RwLock<T>(sync::RwLock<T>);

impl<T> RwLock<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self(sync::RwLock::new(value))
    }

    /// Waits until nobody writes.
    #[inline]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes it for reading if nobody writes.
    #[inline]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        match self.0.try_read() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits until nobody reads or writes.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is inside, for its only user.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A moment that threads wait for, under a [`Mutex`].
#[derive(Debug, Default)]
pub struct Moment(Condvar);

impl Moment {
    /// Nobody waits yet.
    pub const fn new() -> Self {
        Self(Condvar::new())
    }

    /// Gives `guard` away until `holds_up` is false, or for as long as `timeout`; whether it was in time.
    pub fn wait_while<'g, T>(
        &self,
        guard: MutexGuard<'g, T>,
        timeout: Duration,
        holds_up: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'g, T>, bool) {
        let (guard, waited) = self
            .0
            .wait_timeout_while(guard, timeout, holds_up)
            .unwrap_or_else(PoisonError::into_inner);
        (guard, !waited.timed_out())
    }

    /// It may have come, for all who wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    /// It may have come, for one of them.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// A place that one thread at a time may be in, and that another waits for only so long.
#[derive(Debug, Default)]
pub struct Turnstile {
    taken: Mutex<bool>,
    left: Moment,
}

/// The place, until this is dropped.
#[derive(Debug)]
pub struct Inside<'t>(&'t Turnstile);

impl Turnstile {
    /// Waits for the place; `None` if it takes longer than `timeout`.
    pub fn enter(&self, timeout: Duration) -> Option<Inside<'_>> {
        let taken = self.taken.lock();
        let (mut taken, in_time) = self.left.wait_while(taken, timeout, |taken| *taken);
        if !in_time {
            return None;
        }
        *taken = true;
        Some(Inside(self))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock() = false;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_place_is_waited_for_only_so_long() {
        let place = Arc::new(Turnstile::default());
        let inside = place.enter(Duration::ZERO).unwrap();
        assert!(place.enter(Duration::from_millis(1)).is_none());
        let other = Arc::clone(&place);
        let waits = std::thread::spawn(move || other.enter(Duration::from_secs(20)).is_some());
        drop(inside);
        assert!(waits.join().unwrap());
        assert!(place.enter(Duration::ZERO).is_some());
    }

    #[test]
    fn a_thread_that_panicked_leaves_a_lock_that_works() {
        let lock = Arc::new(Mutex::new(1));
        let other = Arc::clone(&lock);
        let panicked = std::thread::spawn(move || {
            let _guard = other.lock();
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        assert_eq!(*lock.lock(), 1);
        assert_eq!(lock.try_lock().map(|guard| *guard), Some(1));
    }
}
