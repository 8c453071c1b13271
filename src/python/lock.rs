//! The lock of the near store, and of a cache's defaults, where the GIL is one already.
//!
//! Under the GIL only one attached thread runs, nothing detaches while it is inside the store, and so nobody can find
//! the store locked: two plain writes do for a lock, without the two atomic exchanges that are a tenth of a hit. Where
//! threads truly run in parallel, on free-threaded builds, it is a real mutex.

#[cfg(Py_GIL_DISABLED)]
pub(super) type StoreLock = parking_lot::RawMutex;

#[cfg(not(Py_GIL_DISABLED))]
pub(super) type StoreLock = GilLock;

/// Remembers that somebody is inside, to find a broken invariant rather than to wait.
#[cfg(not(Py_GIL_DISABLED))]
pub(super) struct GilLock(std::sync::atomic::AtomicBool);

#[cfg(not(Py_GIL_DISABLED))]
// SAFETY: every access to a near store or to defaults comes from a thread that holds the GIL: from Python's calls, from its collector
// and from its deallocator. Nothing that could give the GIL away runs before the guard is dropped, so two threads are
// never inside at once, and handing over the GIL orders their memory accesses. A second entry by the same thread
// would be a callback under the lock, which the store's design rules out, and panics.
unsafe impl parking_lot::lock_api::RawMutex for GilLock {
    #[allow(clippy::declare_interior_mutable_const)] // what the trait asks for
    const INIT: Self = Self(std::sync::atomic::AtomicBool::new(false));

    type GuardMarker = parking_lot::lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        assert!(self.try_lock(), "a store was entered twice under the GIL");
    }

    #[inline]
    fn try_lock(&self) -> bool {
        let inside = self.0.load(std::sync::atomic::Ordering::Relaxed);
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        !inside
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.0.store(false, std::sync::atomic::Ordering::Relaxed);
    }
}
