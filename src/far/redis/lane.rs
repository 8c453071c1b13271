//! Connections for callers that must not wait: an event loop writes and reads its own, and looks at it when there is news.
//!
//! Everybody on the loop shares it: what is asked for in one round goes out together, and what is answered comes back in
//! that order. Between loop and server there is no other thread, whose waking takes longer than most requests.
//!
//! As with [`super::wire`], what is out of the ordinary is left to the common connection: the owner of a lane that ends
//! asks there, in the place of all who wait.

use super::answer::{Answer, Read, read};
use super::errand::Errand;
use super::link::Link;
use super::process;
use super::server::Server;
use super::store::RedisStore;
use super::stream::Stream;
use super::wire::Wire;
use crate::far::error::{FarError, Problem};
use crate::sync::Mutex;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Bytes that are read at once, and that a buffer has at least.
const READ: usize = 64 << 10;
/// So many requests are written before others of the same round have asked.
const SHARE: usize = 16;
/// A larger buffer is given back after use.
const LARGE: usize = 1 << 20;

/// A connection, and who waits for answers on it.
pub struct Lane<T> {
    way: Way,
    stream: Arc<Stream>,
    out: Vec<u8>,
    written: usize,
    /// Who has asked since everything had been written.
    unwritten: usize,
    /// What was read stands between `from` and `to`.
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    asked: VecDeque<Asked<T>>,
    /// Those of the first who waits, as far as they have come.
    answers: Vec<Answer>,
}

struct Asked<T> {
    who: T,
    count: usize,
    until: Instant,
}

/// One server, as it is reached by a process.
#[derive(Clone)]
pub struct Way {
    /// Nobody is kept from closing it.
    server: Weak<Server>,
    link: Arc<Link>,
    timeout: Duration,
    pid: u32,
}

/// A connection that is being made.
pub struct Coming {
    way: Way,
    state: Arc<Mutex<State>>,
}

enum State {
    Coming,
    Here(Arc<Stream>),
    /// There will be none, or it was taken.
    Gone,
}

impl RedisStore {
    /// The way on which `errand` may go, if there is any at present.
    pub fn way(&self, errand: &Errand) -> Option<Way> {
        let home = self.home("connect").ok()?;
        let address = home.reachable(errand)?;
        Some(Way {
            server: Arc::downgrade(&home.server),
            link: home.server.link(&address),
            timeout: self.options.timeout,
            pid: process::pid(),
        })
    }

    /// Whether `errand` may go on `way`.
    pub fn goes(&self, errand: &Errand, way: &Way) -> bool {
        way.pid == process::noted_pid()
            && self.noted_home("connect").is_ok_and(|home| {
                Weak::as_ptr(&way.server) == Arc::as_ptr(&home.server)
                    && home.leads(&way.link, errand)
            })
    }

    /// That the server did not answer in time, which whoever comes next shall not wait for.
    pub fn late(&self, way: &Way, operation: &'static str) -> FarError {
        way.link.retire();
        self.error(operation, Problem::TimedOut(self.options.timeout))
    }
}

impl Way {
    /// Connects, in another thread.
    pub fn connect(&self) -> Option<Coming> {
        let state = Arc::new(Mutex::new(State::Coming));
        let coming = Coming {
            way: self.clone(),
            state: Arc::clone(&state),
        };
        let way = self.clone();
        process::runtime().ok()?.spawn_blocking(move || {
            let made = way.make();
            *state.lock() = made.map_or(State::Gone, State::Here);
        });
        Some(coming)
    }

    fn make(&self) -> io::Result<Arc<Stream>> {
        let server = self.server.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        let wire = Wire::connect(&self.link.address, &server.options)?;
        let stream = Arc::new(wire.into_stream());
        stream.set_nonblocking()?;
        let known = (Arc::clone(&self.link), Arc::downgrade(&stream));
        let mut lanes = server.lanes.lock();
        lanes.retain(|(_, stream)| stream.strong_count() > 0);
        lanes.push(known);
        Ok(stream)
    }
}

impl Coming {
    /// Where it leads.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// Whether it is not known yet if it will come.
    pub fn is_coming(&self) -> bool {
        matches!(*self.state.lock(), State::Coming)
    }

    /// The lane, if it has come.
    pub fn lane<T>(&self) -> Option<Lane<T>> {
        let mut state = self.state.lock();
        match mem::replace(&mut *state, State::Gone) {
            State::Here(stream) => Some(Lane::new(self.way.clone(), stream)),
            other => {
                *state = other;
                None
            }
        }
    }
}

impl<T> Lane<T> {
    fn new(way: Way, stream: Arc<Stream>) -> Self {
        Self {
            way,
            stream,
            out: Vec::new(),
            written: 0,
            unwritten: 0,
            buffer: Vec::new(),
            from: 0,
            to: 0,
            asked: VecDeque::new(),
            answers: Vec::new(),
        }
    }

    /// Where it leads.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// What an event loop watches.
    pub fn descriptor(&self) -> RawFd {
        self.stream.descriptor()
    }

    /// Whether it is better to write now than when all have asked: the server has nothing to do, or may begin with so much.
    pub fn is_due(&self) -> bool {
        self.unwritten == self.asked.len() || self.unwritten >= SHARE
    }

    /// Until when whoever has waited longest does so.
    pub fn until(&self) -> Option<Instant> {
        self.asked.front().map(|asked| asked.until)
    }

    /// Notes who waits for the answer to his errand. It goes out with the next [`Lane::write`].
    pub fn ask(&mut self, who: T, errand: impl FnOnce(&T) -> &Errand) {
        let count = errand(&who).write(&mut self.out);
        let until = Instant::now() + self.way.timeout;
        self.asked.push_back(Asked { who, count, until });
        self.unwritten += 1;
    }

    /// Writes what was asked for; whether all of it has gone, or there is no room for more at present.
    pub fn write(&mut self) -> io::Result<bool> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        (self.written, self.unwritten) = (0, 0);
        self.out.clear();
        if self.out.capacity() > LARGE {
            self.out = Vec::new();
        }
        Ok(true)
    }

    /// Reads what there is, and tells who was answered what, and until when he would have waited.
    pub fn read(&mut self, answered: &mut Vec<(T, Instant, Vec<Answer>)>) -> io::Result<()> {
        loop {
            let all = self.fill()?;
            while self.from < self.to {
                let answer = match read(&self.buffer[self.from..self.to])? {
                    Read::Whole(answer, length) => {
                        self.from += length;
                        answer
                    }
                    Read::Part(wanted) => {
                        self.make_room(wanted);
                        break;
                    }
                };
                let Some(asked) = self.asked.front_mut() else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                asked.count = asked.count.saturating_add(answer.following());
                self.answers.push(answer);
                if self.answers.len() == asked.count
                    && let Some(asked) = self.asked.pop_front()
                {
                    answered.push((asked.who, asked.until, mem::take(&mut self.answers)));
                }
            }
            if self.from == self.to {
                (self.from, self.to) = (0, 0);
                if self.buffer.len() > LARGE {
                    self.buffer = Vec::new();
                }
            }
            if all {
                return Ok(());
            }
        }
    }

    /// Reads once; whether there was no more.
    fn fill(&mut self) -> io::Result<bool> {
        if self.to == self.buffer.len() {
            self.make_room(self.to - self.from + 1);
        }
        let room = &mut self.buffer[self.to..];
        match self.stream.read(room) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.to += count;
                Ok(self.to < self.buffer.len())
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Ok(true),
                io::ErrorKind::Interrupted => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Makes room for an answer of so many bytes, and for something behind it. What is announced is not believed beyond
    /// twice what has come.
    fn make_room(&mut self, wanted: usize) {
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        let most = self.to.saturating_mul(2).max(READ);
        let room = wanted.saturating_add(READ).min(most).max(self.to + 1);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
    }

    /// Ends the connection, of which the loop hears.
    pub fn end(&self) {
        self.stream.end();
    }

    /// Those who still wait, and until when; they are not answered any more.
    pub fn leave(self) -> Vec<(T, Instant)> {
        self.stream.end();
        let asked = self.asked.into_iter();
        asked.map(|asked| (asked.who, asked.until)).collect()
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
