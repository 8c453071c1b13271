//! A store as one process has it: its connections, what it knows of tags, whom it keeps leases for.

use super::name::Names;
use super::random;
use super::server::{self, Server};
use super::tags::Tags;
use super::watch::Watch;
use super::wire::Wires;
use crate::far::error::Problem;
use crate::sync::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::AbortHandle;

/// What this process has counted.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) damaged: AtomicU64,
}

/// A store in one process.
pub(super) struct Home {
    pub(super) server: Arc<Server>,
    pub(super) watch: Arc<Watch>,
    pub(super) tags: Tags,
    /// Tells what this store does from what others do.
    pub(super) mark: u64,
    pub(super) counters: Counters,
    /// What keeps leases from ending, by their tokens.
    pub(super) held: Mutex<HashMap<u64, AbortHandle>>,
    pub(super) wires: Wires,
}

impl Home {
    /// The store with these names at `server`, in the process `pid`.
    pub(super) fn new(server: Arc<Server>, names: &Names, pid: u32) -> Self {
        super::scripts::prepare();
        let watch = {
            let mut watches = server.watches.lock();
            let watch = watches
                .entry(names.prefix.clone())
                .or_insert_with(|| Arc::new(Watch::new(names.clone(), pid)));
            watch.users.fetch_add(1, Ordering::Relaxed);
            Arc::clone(watch)
        };
        Self {
            server,
            watch,
            tags: Tags::default(),
            mark: random::mark(pid),
            counters: Counters::default(),
            held: Mutex::default(),
            wires: Wires::default(),
        }
    }

    /// The server of this process; to be found before the right to make a home is taken.
    pub(super) fn server(options: &super::options::Options) -> Result<Arc<Server>, Problem> {
        server::open(options)
    }

    /// What is written here is news to other stores of this process, whom the server does not tell.
    pub(super) fn wrote(&self, name: &[u8]) {
        if self.watch.users.load(Ordering::Relaxed) > 1 && self.watch.is_coherent() {
            self.watch.changed(name, self.mark);
        }
    }

    /// Leases are kept no longer, and nothing is followed any more.
    pub(super) fn leave(&self) {
        for (_, held) in self.held.lock().drain() {
            held.abort();
        }
        self.wires.cut();
        let mut watches = self.server.watches.lock();
        if self.watch.users.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.watch.lose();
            let names = &self.watch.names;
            if watches
                .get(&names.prefix)
                .is_some_and(|watch| Arc::ptr_eq(watch, &self.watch))
            {
                watches.remove(&names.prefix);
            }
        }
        let idle = watches.is_empty();
        drop(watches);
        if idle {
            // Nobody uses the server any more.
            self.server.forget_all_but(&[]);
        }
    }
}
