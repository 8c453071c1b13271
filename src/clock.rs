//! The one place that reads the clock. Everything else is handed the time, in nanoseconds, as an argument.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// No end: the deadline of an entry that lives for ever.
pub const NEVER: u64 = u64::MAX;

/// How far [`Clock::coarse`] may lag behind [`Clock::now`]: the kernel's tick, with room to spare.
const LAG: u64 = 20_000_000;

/// Where a cache's time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's monotonic clock.
    #[default]
    System,
    /// A clock that only moves when it is told to, for tests. It holds nanoseconds.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// Nanoseconds since a fixed moment in the past.
    pub fn now(&self) -> u64 {
        match self {
            Self::System => system::precise(),
            Self::Manual(at) => at.load(Ordering::Acquire),
        }
    }

    /// A time that is never before [`Clock::now`] and at most a kernel tick or two after it, read at a quarter of the cost.
    ///
    /// Whatever ends after it has certainly not ended yet; what ends before it needs a precise look.
    #[inline]
    pub fn at_most(&self) -> u64 {
        match self {
            Self::System => system::coarse() + LAG,
            Self::Manual(at) => at.load(Ordering::Acquire),
        }
    }

    /// A time at most a kernel tick or two before [`Clock::now`], for stamps that people read and for housekeeping.
    #[inline]
    pub fn coarse(&self) -> u64 {
        match self {
            Self::System => system::coarse(),
            Self::Manual(at) => at.load(Ordering::Acquire),
        }
    }

    /// Seconds since 1970-01-01 UTC at the moment `at` of this clock.
    #[allow(clippy::cast_precision_loss)] // for people: microseconds survive
    pub fn wall(&self, at: u64) -> f64 {
        static OFFSET: OnceLock<f64> = OnceLock::new();
        let offset = *OFFSET.get_or_init(|| {
            let wall = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            wall.as_secs_f64() - system::precise() as f64 / 1e9
        });
        offset + at as f64 / 1e9
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    #[allow(clippy::cast_sign_loss)] // a monotonic clock counts up from the start of the machine
    fn nanos(t: Timespec) -> u64 {
        t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
    }

    pub(super) fn precise() -> u64 {
        nanos(clock_gettime(ClockId::Monotonic))
    }

    #[inline]
    pub(super) fn coarse() -> u64 {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::OnceLock;
    use std::time::Instant;

    pub(super) fn precise() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        // An hour ahead, so that a moment before the start can be named.
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 3_600_000_000_000
    }

    pub(super) fn coarse() -> u64 {
        precise()
    }
}

/// The length of a tick, as a power of two of nanoseconds: 67 ms. Ticks of 32 bits reach nine years.
const TICK: u32 = 26;

/// The tick in which the moment `at` lies; moments too far away share the last one.
#[inline]
pub fn tick(at: u64) -> u32 {
    let tick = at >> TICK;
    if tick >= u64::from(u32::MAX) {
        u32::MAX - 1
    } else {
        tick as u32
    }
}

/// The start of `tick`.
pub fn tick_start(tick: u32) -> u64 {
    u64::from(tick) << TICK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_brackets_precise() {
        let clock = Clock::System;
        for _ in 0..1000 {
            let before = clock.coarse();
            let now = clock.now();
            assert!(before <= now, "coarse {before} after precise {now}");
            assert!(clock.at_most() >= now);
        }
    }

    #[test]
    fn manual_stands_still() {
        let hand = Arc::new(AtomicU64::new(5));
        let clock = Clock::Manual(Arc::clone(&hand));
        assert_eq!((clock.now(), clock.at_most(), clock.coarse()), (5, 5, 5));
        hand.store(9, Ordering::Release);
        assert_eq!(clock.now(), 9);
    }

    #[test]
    fn ticks_saturate_below_the_mark_for_never() {
        assert_eq!(tick(NEVER), u32::MAX - 1);
        assert_eq!(tick(tick_start(77)), 77);
        assert_eq!(tick(tick_start(77) - 1), 76);
    }
}
