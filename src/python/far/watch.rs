//! The two heads of a file of LMDB in memory of our own: its last transaction for the price of two reads.
//!
//! Asking the environment takes a lock, for it may be closed and opened anew meanwhile, and a call into LMDB, which
//! together cost as much as a third of a hit. This mapping belongs to whoever made it, and shows what becomes of this one
//! file; whether it is still the current one is for others to find out.

use crate::far::fs::{Heads, TXN};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::io;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering::Acquire};

/// The heads of one file.
pub(in crate::python) struct Watch {
    start: *mut AtomicU64,
    page_size: usize,
    base: u64,
}

// SAFETY: the memory is only ever read, by atomic loads, until this is dropped.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Watch {
    /// Maps `heads`.
    pub(in crate::python) fn new(heads: &Heads) -> io::Result<Self> {
        let page_size = heads.page_size;
        // SAFETY: a new mapping at a place of the system's choice. The file is as long as that; what cuts it shorter kills
        // the process, here as with LMDB's own mapping.
        let start = unsafe {
            mmap(
                null_mut(),
                2 * page_size,
                ProtFlags::READ,
                MapFlags::SHARED,
                &heads.file,
                0,
            )
        }?;
        Ok(Self {
            start: start.cast(),
            page_size,
            base: heads.base,
        })
    }

    /// Where the positions of the file begin.
    pub(in crate::python) fn base(&self) -> u64 {
        self.base
    }

    /// The position of the last change.
    #[inline]
    pub(in crate::python) fn position(&self) -> u64 {
        // SAFETY: both lie within the mapping, and are aligned as the pages are. LMDB writes them by one write of the
        // system and reads them itself in the same way.
        #[allow(clippy::cast_ptr_alignment)] // pages are aligned, and so is the place in them
        let [first, second] = [TXN, self.page_size + TXN]
            .map(|at| unsafe { (*self.start.add(at / size_of::<u64>())).load(Acquire) });
        self.base + first.max(second)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and nobody has a reference into it any more.
        let unmapped = unsafe { munmap(self.start.cast(), 2 * self.page_size) };
        debug_assert!(unmapped.is_ok());
    }
}
