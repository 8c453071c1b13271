//! One running load per key: a flight, which any number of callers attach to and may leave.
//!
//! A flight belongs to the cache, not to the caller that started it. The first caller of a key gets a [`Leader`], the
//! right and the duty to run the loader; everyone after gets a [`Waiter`]. Dropping a leader gives the flight up and
//! sends the waiters back to [`Flights::join`], where one of them leads; dropping a waiter concerns nobody else, unless
//! it was the last that wanted the value, which the flight's [`Owner`] is told.
//!
//! Two kinds of lock, never held together: the table's and each flight's own. Nothing of the caller's runs under
//! either but the equality test given to a lookup; keys, owners, wakers and values are dropped outside them.

mod leader;
#[cfg(test)]
mod tests;
mod waiter;
pub mod waits;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::sync::{Moment, Mutex};
use smallvec::SmallVec;

pub use leader::Leader;
pub use waiter::{Landing, Waiter};

static IDS: AtomicU64 = AtomicU64::new(1);
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A number that no other flight of this process has.
pub fn new_id() -> u64 {
    IDS.fetch_add(1, Ordering::Relaxed)
}

/// Tells every table that this process is a fresh fork: the threads that led its flights exist in the parent only,
/// so the next caller of each key leads anew.
pub fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Called once when the flight ends, outside every lock, in the thread that ended it.
pub trait Wake {
    /// Tells a sleeping caller to look at the outcome.
    fn wake(self);
}

/// Who runs the loader, as those who wait see it.
pub trait Owner {
    /// The last waiter left while the load was running. Called outside every lock. The flight stays where it is, so
    /// that loads of one key never overlap: whoever comes now waits for its end and then leads.
    fn unwanted(&self);
}

/// How a flight ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The loader returned this.
    Done(T),
    /// The loader raised this.
    Failed(T),
    /// The leader gave up; the waiters start over.
    Abandoned,
    /// Taken from its leader, who no longer counts; the waiters start over.
    Retired,
}

/// One load of one key.
#[derive(Debug)]
pub struct Flight<K, T, W, O> {
    id: u64,
    hash: u32,
    forks: u32,
    key: K,
    invalid: AtomicBool,
    seats: Mutex<Seats<W, O>>,
    ended: Moment,
    outcome: OnceLock<Outcome<T>>,
}

#[derive(Debug)]
struct Seats<W, O> {
    wakers: Vec<W>,
    wanting: usize,
    owner: Option<Arc<O>>,
}

impl<K, T, W: Wake, O: Owner> Flight<K, T, W, O> {
    fn new(hash: u32, key: K, owner: O) -> Self {
        let seats = Seats {
            wakers: Vec::new(),
            wanting: 0,
            owner: Some(Arc::new(owner)),
        };
        Self {
            id: new_id(),
            hash,
            forks: FORKS.load(Ordering::Relaxed),
            key,
            invalid: AtomicBool::new(false),
            seats: Mutex::new(seats),
            ended: Moment::new(),
            outcome: OnceLock::new(),
        }
    }

    /// The number that no other flight has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The key that is being loaded.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Who runs the loader; None once the flight has ended.
    pub fn owner(&self) -> Option<Arc<O>> {
        self.seats.lock().owner.clone()
    }

    /// How many callers want the value: those who joined before an invalidation and have not left.
    pub fn wanting(&self) -> usize {
        self.seats.lock().wanting
    }

    /// Whether the load still runs.
    pub fn is_running(&self) -> bool {
        self.outcome.get().is_none()
    }

    /// Whether the value may be stored: nobody invalidated the key.
    pub fn is_valid(&self) -> bool {
        !self.invalid.load(Ordering::SeqCst)
    }

    /// Whether it was taken from its leader: what that brings is late, and another may be loading already.
    pub fn is_retired(&self) -> bool {
        matches!(self.outcome.get(), Some(Outcome::Retired))
    }

    /// Keeps the value of this load out of the store. Those who wait already get it, those who join from now on wait
    /// for the end and load again.
    pub fn invalidate(&self) {
        self.invalid.store(true, Ordering::SeqCst);
    }

    /// Adds a waker, or gives it back if the flight has ended already.
    ///
    /// # Errors
    /// The waker itself: there is nothing left to wait for.
    pub fn attach(&self, waker: W) -> Result<(), W> {
        let mut seats = self.seats.lock();
        if self.outcome.get().is_some() {
            return Err(waker);
        }
        seats.wakers.push(waker);
        Ok(())
    }

    /// Blocks this thread until the flight has ended or the time is up; true if it has ended.
    pub fn wait(&self, timeout: Duration) -> bool {
        let running = |_: &mut Seats<W, O>| self.outcome.get().is_none();
        self.ended.wait_while(self.seats.lock(), timeout, running).1
    }

    /// Shows the owner and the wakers to `see`, unless another thread holds them just now.
    pub fn try_inspect(&self, see: impl FnOnce(Option<&O>, &[W])) {
        if let Some(seats) = self.seats.try_lock() {
            see(seats.owner.as_deref(), &seats.wakers);
        }
    }

    /// Takes the owner and the wakers out, waking nobody: for the collection of a garbage cycle only.
    pub fn strip(&self) -> (Option<Arc<O>>, Vec<W>) {
        let mut seats = self.seats.lock();
        (seats.owner.take(), std::mem::take(&mut seats.wakers))
    }

    /// Sets the outcome, if there is none, and wakes everyone.
    fn land(&self, outcome: Outcome<T>) -> Result<(), Outcome<T>> {
        let (wakers, owner) = {
            let mut seats = self.seats.lock();
            self.outcome.set(outcome)?;
            (std::mem::take(&mut seats.wakers), seats.owner.take())
        };
        self.ended.notify_all();
        wakers.into_iter().for_each(Wake::wake);
        drop(owner);
        Ok(())
    }
}

type Shared<K, T, W, O> = Arc<Flight<K, T, W, O>>;
type Bucket<K, T, W, O> = SmallVec<[Shared<K, T, W, O>; 1]>;
type Late<K, T, W, O> = Vec<Weak<Flight<K, T, W, O>>>;
type Table<K, T, W, O> = HashMap<u32, Bucket<K, T, W, O>, foldhash::fast::RandomState>;

/// The flights of one cache: at most one for each key.
#[derive(Debug)]
pub struct Flights<K, T, W, O> {
    table: Mutex<Table<K, T, W, O>>,
    /// Retired flights whose leaders may still bring a value, which an invalidation must reach.
    late: Mutex<Late<K, T, W, O>>,
    coalesced: AtomicU64,
}

/// What [`Flights::join`] makes of the caller.
#[derive(Debug)]
pub enum Joined<K, T, W: Wake, O: Owner> {
    /// No load of this key was running: run it.
    Lead(Leader<K, T, W, O>),
    /// Somebody runs it: wait.
    Follow(Waiter<K, T, W, O>),
}

impl<K, T, W, O> Default for Flights<K, T, W, O> {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            late: Mutex::default(),
            coalesced: AtomicU64::new(0),
        }
    }
}

impl<K, T, W: Wake, O: Owner> Flights<K, T, W, O> {
    /// Boards the flight of the key that `same` is true of, or starts one with `key` and `owner`.
    ///
    /// `same` runs under the lock: it must not run code that could call back.
    pub fn join(
        self: &Arc<Self>,
        hash: u32,
        same: impl Fn(&K) -> bool,
        key: K,
        owner: O,
    ) -> Joined<K, T, W, O> {
        let mut left_by_fork = None;
        let mut parts = Some((key, owner));
        let (flight, late) = {
            let mut table = self.table.lock();
            let bucket = table.entry(hash).or_default();
            let mut at = bucket.iter().position(|flight| same(&flight.key));
            if let Some(dead) = at.filter(|&at| bucket[at].forks != FORKS.load(Ordering::Relaxed)) {
                left_by_fork = Some(bucket.swap_remove(dead));
                at = None;
            }
            match (at, parts.take()) {
                (None, Some((key, owner))) => {
                    bucket.push(Arc::new(Flight::new(hash, key, owner)));
                    (bucket[bucket.len() - 1].clone(), None)
                }
                (at, unused) => {
                    parts = unused;
                    let flight = &bucket[at.unwrap_or_default()];
                    (flight.clone(), Some(flight.invalid.load(Ordering::SeqCst)))
                }
            }
        };
        drop((left_by_fork, parts));
        match late {
            None => Joined::Lead(Leader::new(self.clone(), flight)),
            Some(late) => Joined::Follow(Waiter::new(self.clone(), flight, late, false)),
        }
    }

    /// [`Flight::invalidate`] for the flight of one key; true if there is one.
    pub fn invalidate(&self, hash: u32, same: impl Fn(&K) -> bool) -> bool {
        for flight in self.late() {
            if flight.hash == hash && same(&flight.key) {
                flight.invalidate();
            }
        }
        let table = self.table.lock();
        let found = table
            .get(&hash)
            .and_then(|bucket| bucket.iter().find(|f| same(&f.key)));
        found.inspect(|flight| flight.invalidate()).is_some()
    }

    /// The retired flights whose leaders have not given up.
    pub fn late(&self) -> Vec<Arc<Flight<K, T, W, O>>> {
        let mut late = self.late.lock();
        if late.is_empty() {
            return Vec::new();
        }
        late.retain(|flight| flight.strong_count() > 0);
        // Dropping the last of them may run anything: it happens in the caller's hands, after the lock.
        late.iter().filter_map(Weak::upgrade).collect()
    }

    /// The flights that run now.
    pub fn running(&self) -> Vec<Arc<Flight<K, T, W, O>>> {
        self.table.lock().values().flatten().cloned().collect()
    }

    /// Shows every flight to `see`, under the lock, unless another thread holds it just now.
    pub fn try_inspect(&self, mut see: impl FnMut(&Flight<K, T, W, O>)) {
        if let Some(table) = self.table.try_lock() {
            table.values().flatten().for_each(|flight| see(flight));
        }
    }

    /// Takes every flight out of the table, ending none: for the collection of a garbage cycle only.
    pub fn drain(&self) -> Vec<Arc<Flight<K, T, W, O>>> {
        std::mem::take(&mut *self.table.lock())
            .into_values()
            .flatten()
            .collect()
    }

    /// Ends a flight whose leader cannot or may not finish it; false if it had ended. A late leader finds out when it
    /// wants to store.
    pub fn retire(&self, flight: &Arc<Flight<K, T, W, O>>) -> bool {
        // Before it ends, so that there is no moment at which an invalidation finds it in neither place.
        self.late.lock().push(Arc::downgrade(flight));
        self.end(flight, Outcome::Retired).is_ok()
    }

    /// How many flights run.
    pub fn len(&self) -> usize {
        self.table.lock().values().map(SmallVec::len).sum()
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many callers were served by a load that another had started.
    pub fn coalesced(&self) -> u64 {
        self.coalesced.load(Ordering::Relaxed)
    }

    /// Sets the count of [`coalesced`](Self::coalesced) callers to zero.
    pub fn reset_coalesced(&self) {
        self.coalesced.store(0, Ordering::Relaxed);
    }

    /// Removes the flight, then lands it: whoever joins in between leads, and finds what the leader stored before. The
    /// outcome comes back if the flight had ended.
    fn end(&self, flight: &Shared<K, T, W, O>, outcome: Outcome<T>) -> Result<(), Outcome<T>> {
        let removed = self.remove(flight);
        let landed = flight.land(outcome);
        drop(removed);
        landed
    }

    fn remove(&self, flight: &Shared<K, T, W, O>) -> Option<Shared<K, T, W, O>> {
        let mut table = self.table.lock();
        let bucket = table.get_mut(&flight.hash)?;
        let at = bucket.iter().position(|one| Arc::ptr_eq(one, flight))?;
        let removed = bucket.swap_remove(at);
        if bucket.is_empty() {
            table.remove(&flight.hash);
        }
        Some(removed)
    }
}
