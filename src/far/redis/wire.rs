//! Connections for callers that wait: one request at a time, written and read by the very thread that asks.
//!
//! Waiting for a thread of the runtime costs more than the server needs for an answer. So the simplest requests go over
//! sockets of their own, as many as threads ask at once. Whatever is out of the ordinary (a server that moved, that loads,
//! that was lost) is left to the common connection, which knows what to do.

use super::answer::{Answer, Read, command, read};
use super::link::Address;
use super::options::{Login, Options, Secret};
use super::stream::Stream;
use crate::sync::Mutex;
use std::io;
use std::time::{Duration, Instant};

/// Idle connections that are kept.
const KEPT: usize = 16;
/// Bytes that are read at once.
const READ: usize = 16 << 10;
/// A larger buffer is given back after use.
const LARGE: usize = 1 << 20;

/// A connection.
pub(super) struct Wire {
    address: Address,
    stream: Stream,
    timeout: Duration,
    buffer: Vec<u8>,
    at: usize,
}

/// Those that nobody uses now.
#[derive(Default)]
pub(super) struct Wires {
    idle: Mutex<Vec<Wire>>,
}

impl Wires {
    /// One to `address` that was used before.
    pub(super) fn take(&self, address: &Address) -> Option<Wire> {
        let mut idle = self.idle.lock();
        // From the end: the one used last is the one most likely to be up.
        let at = idle.iter().rposition(|wire| wire.address == *address)?;
        Some(idle.swap_remove(at))
    }

    /// Gives one back.
    pub(super) fn give(&self, wire: Wire) {
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(wire);
        } else {
            drop(idle);
            drop(wire);
        }
    }

    /// Closes all.
    pub(super) fn cut(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        drop(idle);
    }
}

impl Wire {
    /// Connects to `address`.
    pub(super) fn connect(address: &Address, options: &Options) -> io::Result<Self> {
        let stream = Stream::connect(address, options)?;
        stream.set_timeout(options.timeout)?;
        let mut wire = Self {
            address: address.clone(),
            stream,
            timeout: options.timeout,
            buffer: Vec::new(),
            at: 0,
        };
        wire.greet(options)?;
        Ok(wire)
    }

    /// The socket, for another use.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    fn greet(&mut self, options: &Options) -> io::Result<()> {
        let mut words: Vec<Vec<&[u8]>> = Vec::new();
        let Login { user, password } = &options.login;
        if user.is_some() || password.is_some() {
            let mut auth: Vec<&[u8]> = vec![b"AUTH"];
            auth.extend(user.as_ref().map(String::as_bytes));
            let password = password.as_ref();
            auth.push(password.map_or("", Secret::reveal).as_bytes());
            words.push(auth);
        }
        let db = options.db.to_string();
        if options.db != 0 {
            words.push(vec![b"SELECT", db.as_bytes()]);
        }
        let needed = words.len();
        words.push(vec![b"CLIENT", b"SETNAME", options.client_name.as_bytes()]);
        let mut out = Vec::new();
        for words in &words {
            command(&mut out, words);
        }
        let answers = self.exchange(&out, words.len())?;
        // A name is for people; not every user may have one.
        if answers[..needed]
            .iter()
            .any(|answer| *answer != Answer::Done)
        {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(())
    }

    /// Sends `commands`, which are `count` of them, and reads their answers, with those that follow them. After an error
    /// the connection is of no use.
    pub(super) fn exchange(
        &mut self,
        commands: &[u8],
        mut count: usize,
    ) -> io::Result<Vec<Answer>> {
        let deadline = Instant::now() + self.timeout;
        self.stream.write_all(commands)?;
        let mut answers = Vec::with_capacity(count);
        while answers.len() < count {
            match read(&self.buffer[self.at..])? {
                Read::Whole(answer, length) => {
                    count = count.saturating_add(answer.following());
                    answers.push(answer);
                    self.at += length;
                }
                Read::Part(wanted) => self.fill(self.at.saturating_add(wanted), deadline)?,
            }
        }
        if self.at < self.buffer.len() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "more answers than questions",
            ));
        }
        self.at = 0;
        if self.buffer.capacity() > LARGE {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        Ok(answers)
    }

    /// Reads until there are `wanted` bytes.
    fn fill(&mut self, wanted: usize, deadline: Instant) -> io::Result<()> {
        while self.buffer.len() < wanted {
            let have = self.buffer.len();
            // What is announced is not believed beyond what arrives.
            self.buffer
                .resize(have + (wanted - have).clamp(READ, LARGE), 0);
            let read = match self.stream.read(&mut self.buffer[have..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                other => other,
            };
            self.buffer
                .truncate(have + read.as_ref().copied().unwrap_or(0));
            read?;
            if self.buffer.len() < wanted && Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}
