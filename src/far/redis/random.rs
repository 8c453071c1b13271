//! Numbers that nobody else has: versions of entries, tokens of leases.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that was not given before, and hardly by anyone else: of 64 bits that look random, and not 0.
pub(super) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // A child after a fork continues its parent's count, and so needs a start of its own. Who asks has looked for his home
    // before, and so for who he is.
    let start = start(super::process::noted_pid());
    loop {
        let mixed = mix(start.wrapping_add(
            NEXT.fetch_add(1, Relaxed)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15),
        ));
        if mixed != 0 {
            return mixed;
        }
    }
}

/// Where the process `pid` starts.
fn start(pid: u32) -> u64 {
    static STATE: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
        let state = std::collections::hash_map::RandomState::new();
        state.build_hasher().finish()
    });
    mix(*STATE ^ mix(u64::from(pid)))
}

/// The last step of `SplitMix64`: different numbers stay different.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A number for whoever `data` is, for marks.
pub(super) fn mark(pid: u32) -> u64 {
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(pid);
    hasher.write_u64(number());
    hasher.finish() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_comes_twice() {
        let numbers: std::collections::HashSet<_> = (0..10_000).map(|_| number()).collect();
        assert_eq!(numbers.len(), 10_000);
        assert_ne!(start(1), start(2));
    }
}
