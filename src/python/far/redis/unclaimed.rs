//! A lease on its way to whoever asked for it.

use super::store::Shared;
use crate::far::entry::Leased;

/// The answer to who asked for a lease. If it is his, and he is not there any more, it is released: this process would
/// keep it alive for somebody who does not know of it.
pub(super) struct Unclaimed {
    store: Shared,
    key: Vec<u8>,
    leased: Leased,
    claimed: bool,
    /// The process that it was given to: a child after a fork has no part in it.
    pid: u32,
}

impl Unclaimed {
    pub(super) fn new(store: Shared, key: Vec<u8>, leased: Leased) -> Self {
        Self {
            store,
            key,
            leased,
            claimed: false,
            pid: std::process::id(),
        }
    }

    /// Hands it over.
    pub(super) fn claim(mut self) -> Leased {
        self.claimed = true;
        self.leased
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        let Leased::Acquired { token, .. } = self.leased else {
            return;
        };
        if self.claimed || self.pid != std::process::id() {
            return;
        }
        let (store, key) = (self.store.clone(), std::mem::take(&mut self.key));
        // Where it cannot be released it ends by itself, as soon as nobody keeps it.
        let _ = self.store.spawn(async move {
            let _ = store.release(&key, token).await;
        });
    }
}
