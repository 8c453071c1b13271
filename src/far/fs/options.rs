//! How a store is opened.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a write that was acknowledged survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of any process, but not that of the machine, after which the cache starts empty.
    #[default]
    Process,
    /// The end of the machine as well.
    System,
}

impl Durability {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::System => "system",
        }
    }
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What a write survives.
    pub durability: Durability,
    /// Entries are evicted, those not used for longest first, until they weigh no more.
    pub max_bytes: Option<u64>,
    /// Entries are evicted, in the same order, until there are no more than so many.
    pub max_entries: Option<u64>,
    /// How large the map of a new file is; it grows where that is not enough.
    pub map_bytes: Option<u64>,
    /// How long a write waits for others that write.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            max_bytes: None,
            max_entries: None,
            map_bytes: None,
            timeout: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// The size of a new map. It takes up address space, not memory, and no room on the disk.
    pub(super) fn map_size(&self) -> usize {
        const LEAST: u64 = 1 << 20;
        const STEP: u64 = 1 << 16; // a multiple of every page size
        let room = self.max_bytes.map_or(1 << 28, |bytes| {
            bytes.saturating_mul(2).clamp(1 << 26, 1 << 40)
        });
        let size = self.map_bytes.unwrap_or(room).clamp(LEAST, 1 << 44);
        usize::try_from(size.next_multiple_of(STEP)).unwrap_or(1 << 30)
    }
}

/// How much may be there; `u64::MAX` is no limit. It may be changed while the store is in use.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) bytes: AtomicU64,
    pub(super) entries: AtomicU64,
}

impl Limits {
    /// Those that a store is opened with.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            bytes: AtomicU64::new(options.max_bytes.unwrap_or(u64::MAX)),
            entries: AtomicU64::new(options.max_entries.unwrap_or(u64::MAX)),
        }
    }

    /// Other ones; `None` is no limit.
    pub(super) fn set(&self, bytes: Option<u64>, entries: Option<u64>) {
        self.bytes.store(bytes.unwrap_or(u64::MAX), Relaxed);
        self.entries.store(entries.unwrap_or(u64::MAX), Relaxed);
    }

    /// The present ones.
    pub(super) fn get(&self) -> (Option<u64>, Option<u64>) {
        let known =
            |limit: &AtomicU64| Some(limit.load(Relaxed)).filter(|&limit| limit != u64::MAX);
        (known(&self.bytes), known(&self.entries))
    }

    /// Whether anything may have to go, so that it matters what is used.
    pub(super) fn any(&self) -> bool {
        self.get() != (None, None)
    }
}
