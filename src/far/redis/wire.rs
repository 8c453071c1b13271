//! Connections for callers that wait: one request at a time, written and read by the very thread that asks.
//!
//! Waiting for a thread of the runtime costs more than the server needs for an answer. So the simplest requests go over
//! sockets of their own, as many as threads ask at once. Whatever is out of the ordinary (a server that moved, that loads,
//! that was lost) is left to the common connection, which knows what to do.

use super::link::Address;
use super::options::{Login, Options, Secret};
use crate::sync::Mutex;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Idle connections that are kept.
const KEPT: usize = 16;
/// Bytes that are read at once.
const READ: usize = 16 << 10;
/// A larger buffer is given back after use.
const LARGE: usize = 1 << 20;

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    Done,
    Bytes(Vec<u8>),
    /// An error, or something that was not expected.
    Other,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

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
        let stream = match address {
            Address::Tcp(host) => {
                let mut failed = io::Error::from(io::ErrorKind::NotFound);
                let places = (host.name.as_str(), host.port).to_socket_addrs()?;
                let connected = places.into_iter().find_map(|place| {
                    TcpStream::connect_timeout(&place, options.connect_timeout)
                        .map_err(|error| failed = error)
                        .ok()
                });
                let stream = connected.ok_or(failed)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(options.timeout))?;
                stream.set_write_timeout(Some(options.timeout))?;
                Stream::Tcp(stream)
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(options.timeout))?;
                stream.set_write_timeout(Some(options.timeout))?;
                Stream::Unix(stream)
            }
            #[cfg(not(unix))]
            Address::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
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

    /// Sends `commands`, which are `count` of them, and reads their answers. After an error the connection is of no use.
    pub(super) fn exchange(&mut self, commands: &[u8], count: usize) -> io::Result<Vec<Answer>> {
        let deadline = Instant::now() + self.timeout;
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(commands)?,
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write_all(commands)?,
        }
        let mut answers = Vec::with_capacity(count);
        for _ in 0..count {
            answers.push(self.answer(deadline)?);
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

    fn answer(&mut self, deadline: Instant) -> io::Result<Answer> {
        let line = self.line(deadline)?;
        let (kind, rest) = self.buffer[line.0..line.1]
            .split_first()
            .ok_or(io::ErrorKind::InvalidData)?;
        match kind {
            b'+' => Ok(Answer::Done),
            b'-' | b':' => Ok(Answer::Other),
            b'_' => Ok(Answer::Nothing),
            b'$' => {
                let text = std::str::from_utf8(rest).map_err(|_| io::ErrorKind::InvalidData)?;
                let length: i64 = text.parse().map_err(|_| io::ErrorKind::InvalidData)?;
                let Ok(length) = usize::try_from(length) else {
                    return Ok(Answer::Nothing);
                };
                let end = line.1 + 2 + length;
                self.fill(end + 2, deadline)?;
                let bytes = self.buffer[line.1 + 2..end].to_vec();
                self.at = end + 2;
                Ok(Answer::Bytes(bytes))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Where the next line is, without its end, behind which the rest begins.
    fn line(&mut self, deadline: Instant) -> io::Result<(usize, usize)> {
        let start = self.at;
        let mut from = start;
        loop {
            let unread = &self.buffer[from..];
            if let Some(found) = unread.windows(2).position(|two| two == b"\r\n") {
                self.at = from + found + 2;
                return Ok((start, from + found));
            }
            from = self.buffer.len().saturating_sub(1).max(start);
            let wanted = self.buffer.len() + 1;
            self.fill(wanted, deadline)?;
        }
    }

    /// Reads until there are `wanted` bytes.
    fn fill(&mut self, wanted: usize, deadline: Instant) -> io::Result<()> {
        while self.buffer.len() < wanted {
            let have = self.buffer.len();
            // What is announced is not believed beyond what arrives.
            self.buffer
                .resize(have + (wanted - have).clamp(READ, LARGE), 0);
            let read = match &mut self.stream {
                Stream::Tcp(stream) => stream.read(&mut self.buffer[have..]),
                #[cfg(unix)]
                Stream::Unix(stream) => stream.read(&mut self.buffer[have..]),
            };
            let read = match read {
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

/// Appends a command to `out`.
pub(super) fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    let number = |out: &mut Vec<u8>, kind: u8, number: usize| {
        out.push(kind);
        out.extend_from_slice(number.to_string().as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    number(out, b'*', words.len());
    for word in words {
        number(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
