//! What a cache's entries, tags and leases are told of by the server: the log that near copies follow, and who waits.

use super::name::Names;
use super::news::News;
use crate::clock::NEVER;
use crate::far::entry::Changed;
use crate::sync::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Rows and bytes that are kept; who has not looked for longer is told that anything may have changed.
const ROWS: usize = 8192;
const BYTES: usize = 1 << 20;
/// How far the first positions of two processes lie from each other.
const PROCESS: u32 = 32;

/// How much of what happens is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Level {
    /// Nothing.
    Nothing,
    /// The end of leases, and tags.
    News,
    /// Also every change of an entry.
    Tracked,
}

impl Level {
    fn of(level: u8) -> Self {
        match level {
            0 => Self::Nothing,
            1 => Self::News,
            _ => Self::Tracked,
        }
    }
}

/// One row of the log.
enum Row {
    Key(Vec<u8>),
    Tag(String, bool),
    Everything,
}

struct Log {
    /// Who did it, and what; the last row is that of the present position.
    rows: VecDeque<(u64, Row)>,
    bytes: usize,
}

/// What is known of changes to one cache. Shared by all its stores in this process that use the same server.
pub(super) struct Watch {
    pub(super) names: Names,
    /// Moves with every change. Nothing else is written to its line of memory.
    position: AtomicU64,
    /// Whether every change is told of at present.
    coherent: AtomicBool,
    wanted: AtomicU8,
    reached: AtomicU8,
    /// Whether the last attempt to have the server tell failed.
    failing: AtomicBool,
    /// Stores that use it.
    pub(super) users: AtomicUsize,
    log: Mutex<Log>,
    /// By the names of entries.
    waiting: Mutex<HashMap<Vec<u8>, Arc<Notify>>>,
    pub(super) reaching: Notify,
}

impl Watch {
    /// Of the cache with these names, in the process `pid`.
    pub(super) fn new(names: Names, pid: u32) -> Self {
        Self {
            names,
            // A child starts elsewhere, so that a position of its parent's is none of its own.
            position: AtomicU64::new((u64::from(pid) << PROCESS) | 1),
            coherent: AtomicBool::new(false),
            wanted: AtomicU8::new(0),
            reached: AtomicU8::new(0),
            failing: AtomicBool::new(false),
            users: AtomicUsize::new(0),
            log: Mutex::new(Log {
                rows: VecDeque::new(),
                bytes: 0,
            }),
            waiting: Mutex::default(),
            reaching: Notify::new(),
        }
    }

    /// The position of the last change.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Whether the server tells of every change.
    #[inline]
    pub(super) fn is_coherent(&self) -> bool {
        self.coherent.load(Ordering::Acquire)
    }

    /// Asks for this much; whether that is more than was asked for before.
    pub(super) fn want(&self, level: Level) -> bool {
        self.wanted.fetch_max(level as u8, Ordering::AcqRel) < level as u8
    }

    pub(super) fn wanted(&self) -> Level {
        Level::of(self.wanted.load(Ordering::Acquire))
    }

    pub(super) fn reached(&self) -> Level {
        Level::of(self.reached.load(Ordering::Acquire))
    }

    /// Whether the last attempt to have the server tell failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// The server cannot be had to tell at present.
    pub(super) fn fail(&self) {
        self.lose();
        self.failing.store(true, Ordering::Release);
        self.reaching.notify_waiters();
    }

    /// From now on this much is told. What happened before is not known.
    pub(super) fn reach(&self, level: Level) {
        if self.reached.swap(level as u8, Ordering::AcqRel) < level as u8 {
            self.append(0, Row::Everything);
            self.wake_all();
        }
        self.coherent
            .store(level == Level::Tracked, Ordering::Release);
        self.failing.store(false, Ordering::Release);
        self.reaching.notify_waiters();
    }

    /// Nothing is told any more.
    pub(super) fn lose(&self) {
        if self.reached.swap(0, Ordering::AcqRel) != 0 {
            self.coherent.store(false, Ordering::Release);
            self.append(0, Row::Everything);
            self.wake_all();
        }
    }

    /// The entry called `name` was changed, by the store with this mark or, if that is 0, by somebody else.
    pub(super) fn changed(&self, name: &[u8], mark: u64) {
        if let Some(key) = self.names.key(name) {
            self.append(mark, Row::Key(key));
        }
    }

    /// A tag was invalidated.
    pub(super) fn tag(&self, tag: String, hard: bool, mark: u64) {
        self.append(mark, Row::Tag(tag, hard));
    }

    /// Anything may have changed.
    pub(super) fn everything(&self) {
        self.append(0, Row::Everything);
    }

    fn append(&self, mark: u64, row: Row) {
        let mut log = self.log.lock();
        if matches!(row, Row::Everything) {
            log.rows.clear();
            log.bytes = 0;
        }
        log.bytes += row.weight();
        log.rows.push_back((mark, row));
        while log.rows.len() > ROWS || log.bytes > BYTES {
            let Some((_, row)) = log.rows.pop_front() else {
                break;
            };
            log.bytes -= row.weight();
        }
        // Under the lock: the rows end where the position is.
        self.position.fetch_add(1, Ordering::AcqRel);
    }

    /// What others than `mark` changed after the position `since`; 0 asks for the present position only.
    pub(super) fn changes(&self, since: u64, mark: u64) -> Changed {
        let log = self.log.lock();
        let at = self.position();
        let mut changed = Changed {
            at,
            ..Changed::default()
        };
        if since == at {
            return changed;
        }
        let missed = at.checked_sub(since).unwrap_or(NEVER);
        if since == 0 || missed > log.rows.len() as u64 {
            changed.everything = true;
            return changed;
        }
        let first = log.rows.len() - missed as usize;
        for (by, row) in log.rows.iter().skip(first) {
            match row {
                Row::Everything => {
                    return Changed {
                        at,
                        everything: true,
                        ..Changed::default()
                    };
                }
                _ if *by == mark => {}
                Row::Key(key) => changed.keys.push(key.clone()),
                Row::Tag(tag, hard) => changed.tags.push((tag.clone(), *hard)),
            }
        }
        changed
    }

    /// What is woken when the lease of the entry called `name` ends.
    pub(super) fn wait_for<'w>(&'w self, name: &'w [u8]) -> Waiting<'w> {
        let mut waiting = self.waiting.lock();
        let notify = waiting.entry(name.to_vec()).or_default();
        Waiting {
            watch: self,
            name,
            notify: Some(Arc::clone(notify)),
        }
    }

    fn wake(&self, name: &[u8]) {
        if let Some(notify) = self.waiting.lock().get(name) {
            notify.notify_waiters();
        }
    }

    fn wake_all(&self) {
        for notify in self.waiting.lock().values() {
            notify.notify_waiters();
        }
    }

    /// What the server said on the channel.
    pub(super) fn hear(&self, message: &[u8]) {
        match News::read(message) {
            Some(News::Lease(name)) => self.wake(name),
            Some(News::Tags { mark, hard, tags }) => {
                for tag in tags {
                    self.tag(tag, hard, mark);
                }
            }
            // Of a newer version: it is about something.
            None => self.everything(),
        }
    }
}

/// A place among those who wait for the end of a lease, until it is dropped.
pub(super) struct Waiting<'w> {
    watch: &'w Watch,
    name: &'w [u8],
    notify: Option<Arc<Notify>>,
}

impl Waiting<'_> {
    /// Comes when the lease ends; counts from the first time that it is asked or enabled.
    pub(super) fn ended(&self) -> Option<Notified<'_>> {
        self.notify.as_deref().map(Notify::notified)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.watch.waiting.lock();
        self.notify = None;
        let alone = waiting.get(self.name).map(Arc::strong_count) == Some(1);
        if alone {
            waiting.remove(self.name);
        }
    }
}

impl Row {
    fn weight(&self) -> usize {
        size_of::<(u64, Self)>()
            + match self {
                Self::Key(key) => key.len(),
                Self::Tag(tag, _) => tag.len(),
                Self::Everything => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn watch() -> Watch {
        Watch::new(Names::new("o", "n", "c"), 7)
    }

    fn name(watch: &Watch, key: &str) -> Vec<u8> {
        watch.names.entry(format!("s{key}").as_bytes())
    }

    #[test]
    fn what_others_changed_is_told_once() {
        let watch = watch();
        let start = watch.position();
        assert!(watch.changes(0, 1).everything);
        watch.changed(&name(&watch, "a"), 0);
        watch.changed(&name(&watch, "mine"), 1);
        watch.tag("t".to_owned(), true, 2);
        let changed = watch.changes(start, 1);
        assert_eq!(changed.keys, [b"sa".to_vec()]);
        assert_eq!(changed.tags, [("t".to_owned(), true)]);
        assert_eq!(changed.at, start + 3);
        assert_eq!(
            watch.changes(changed.at, 1),
            Changed {
                at: changed.at,
                ..Changed::default()
            }
        );
    }

    #[test]
    fn what_is_no_entry_moves_nothing() {
        let watch = watch();
        let start = watch.position();
        watch.changed(b"o:n:other:a", 0);
        watch.changed(watch.names.tags.as_bytes(), 0);
        assert_eq!(watch.position(), start);
    }

    #[test]
    fn a_lost_link_is_everything_and_so_is_its_return() {
        let watch = watch();
        let start = watch.position();
        watch.reach(Level::Tracked);
        assert!(watch.is_coherent());
        let at = watch.changes(start, 1).at;
        watch.lose();
        assert!(!watch.is_coherent());
        assert!(watch.changes(at, 1).everything);
        let at = watch.position();
        watch.reach(Level::Tracked);
        assert!(watch.changes(at, 1).everything);
        assert!(watch.is_coherent());
    }

    #[test]
    fn who_looks_too_late_is_told_everything() {
        let watch = watch();
        let start = watch.position();
        for number in 0..=ROWS {
            watch.changed(&name(&watch, &number.to_string()), 0);
        }
        assert!(watch.changes(start, 1).everything);
        assert_eq!(watch.changes(start + 1, 1).keys.len(), ROWS);
        assert!(
            watch.changes(watch.position() + 1, 1).everything,
            "of another process"
        );
        watch.changed(&name(&watch, &"x".repeat(BYTES)), 0);
        assert!(watch.changes(watch.position() - 1, 1).everything);
    }

    proptest! {
        #[test]
        fn any_bytes_are_news_or_none(bytes in any::<Vec<u8>>()) {
            watch().hear(&bytes);
        }
    }
}
