//! The face of the store: one per cache and process, which a child after a fork can go on using.

use super::home::Home;
use super::keeper;
use super::name::Names;
use super::options::Options;
use super::process::{self, PerProcess};
use super::watch::Level;
use crate::far::entry::Changed;
use crate::far::error::{FarError, Problem};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A store of the entries of one cache on a server.
///
/// All times are nanoseconds since 1970, given by the caller. An entry that is over is not there, whether the server has
/// removed it yet or not. Every future may be dropped at any time; what it asked the server for may still happen.
pub struct RedisStore {
    pub(super) options: Options,
    pub(super) names: Names,
    place: PathBuf,
    homes: PerProcess<Home>,
    closed: AtomicBool,
}

impl RedisStore {
    /// The store of the cache `name` in `namespace`. Nothing is connected before the first request.
    pub fn open(options: Options, namespace: &str, name: &str) -> Result<Self, FarError> {
        let store = Self {
            names: Names::new(&options.prefix, namespace, name),
            place: PathBuf::from(options.address()),
            options,
            homes: PerProcess::new(),
            closed: AtomicBool::new(false),
        };
        store.home("open")?;
        Ok(store)
    }

    /// Asks the server for a sign of life, and connects to it.
    pub async fn connect(&self) -> Result<(), FarError> {
        let home = self.home("connect")?;
        let request = super::request::Request::new("EXISTS", self.names.tags.as_bytes());
        let asked = home.server.ask(request).await;
        asked
            .map(drop)
            .map_err(|problem| self.error("connect", problem))
    }

    /// How it is reached.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The address, without a password.
    pub fn address(&self) -> &Path {
        &self.place
    }

    /// What the names of all entries begin with.
    pub fn prefix(&self) -> &str {
        &self.names.prefix
    }

    /// Waits in this thread for `work`, which must not be one that drives connections.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T, FarError> {
        process::block_on(work).map_err(|problem| self.error("wait", problem))
    }

    /// What `work` brings, if it does so before `until`.
    pub async fn by<T>(
        &self,
        until: Option<Instant>,
        operation: &'static str,
        work: impl Future<Output = Result<T, FarError>>,
    ) -> Result<T, FarError> {
        let Some(until) = until else {
            return work.await;
        };
        match tokio::time::timeout_at(until.into(), work).await {
            Ok(done) => done,
            Err(_) => Err(self.error(operation, Problem::TimedOut(self.options.timeout))),
        }
    }

    /// Runs `work` on the threads that drive connections.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), FarError> {
        match process::runtime() {
            Ok(runtime) => {
                runtime.spawn(work);
                Ok(())
            }
            Err(problem) => Err(self.error("spawn", problem)),
        }
    }

    /// Asks the server to tell of every change by others. [`RedisStore::tracked`] says when it does.
    pub fn track(&self) -> Result<(), FarError> {
        let home = self.home("track")?;
        keeper::want(&home.server, &home.watch, Level::Tracked)
            .map_err(|problem| self.error("track", problem))
    }

    /// As [`RedisStore::track`], and waits for it, but not longer than `timeout`; whether it does.
    pub async fn tracking(&self, timeout: Duration) -> Result<bool, FarError> {
        self.track()?;
        let home = self.home("track")?;
        Ok(reached(home, Level::Tracked, true, timeout).await)
    }

    /// Whether the server tells of every change now; if not, nothing that was copied may be taken for what it has.
    #[inline]
    pub fn tracked(&self) -> bool {
        let home = self.homes.find(process::noted_pid());
        home.is_some_and(|home| home.watch.is_coherent())
    }

    /// The position of the last change that was told of, which costs some nanoseconds; `None` while changes are not told of.
    #[inline]
    pub fn position(&self) -> Option<u64> {
        let home = self.homes.find(process::noted_pid())?;
        home.watch.is_coherent().then(|| home.watch.position())
    }

    /// What others changed after the position `since`; 0 asks for the present position only. What is told then is true
    /// only as long as [`RedisStore::tracked`].
    pub fn changes(&self, since: u64) -> Result<Changed, FarError> {
        let home = self.home("changes")?;
        Ok(home.watch.changes(since, home.mark))
    }

    /// Ends the use of the store: its leases are kept no longer. Connections that no other store uses end with it.
    pub fn close(&self) -> Result<(), FarError> {
        if !self.closed.swap(true, Ordering::AcqRel)
            && let Some(home) = self.homes.find(process::pid())
        {
            home.leave();
        }
        Ok(())
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// This process's part.
    pub(super) fn home(&self, operation: &'static str) -> Result<&Home, FarError> {
        if self.is_closed() {
            return Err(self.error(operation, Problem::Closed));
        }
        let pid = process::pid();
        if let Some(home) = self.homes.find(pid) {
            return Ok(home);
        }
        let made = Home::server(&self.options).and_then(|server| {
            super::keeper::attend_sentinels(&server)?;
            self.homes.get(|| Ok(Home::new(server, &self.names, pid)))
        });
        made.map_err(|problem| self.error(operation, problem))
    }

    /// As [`RedisStore::home`], in the process that this was as of the last look: asking the system who it is takes as long
    /// as much of what an event loop does. After a fork somebody looks: see [`process::after_fork`].
    #[inline]
    pub(super) fn noted_home(&self, operation: &'static str) -> Result<&Home, FarError> {
        match self.homes.find(process::noted_pid()) {
            Some(home) if !self.is_closed() => Ok(home),
            _ => self.home(operation),
        }
    }

    pub(super) fn error(&self, operation: &'static str, problem: Problem) -> FarError {
        FarError::new(operation, &self.place, problem)
    }
}

/// Waits until this much is told, or, unless `stubborn`, until that fails; whether it is.
pub(super) async fn reached(home: &Home, level: Level, stubborn: bool, timeout: Duration) -> bool {
    let wait = async {
        loop {
            let reaching = home.watch.reaching.notified();
            tokio::pin!(reaching);
            // Registered before the look, so that nothing is missed in between.
            reaching.as_mut().enable();
            if home.watch.reached() >= level {
                return true;
            }
            if home.watch.is_failing() && !stubborn {
                return false;
            }
            reaching.await;
        }
    };
    tokio::time::timeout(timeout, wait).await.unwrap_or(false)
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = self.close();
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("address", &self.place)
            .field("prefix", &self.names.prefix)
            .finish_non_exhaustive()
    }
}
