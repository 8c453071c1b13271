//! A socket to a server, made with what options say, and not yet greeted.

use super::link::Address;
use super::options::Options;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A connected socket.
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The same for each kind of socket.
macro_rules! either {
    ($of:expr, $stream:ident => $done:expr) => {
        match $of {
            Stream::Tcp($stream) => $done,
            #[cfg(unix)]
            Stream::Unix($stream) => $done,
        }
    };
}

impl Stream {
    /// Connects to `address`.
    pub(super) fn connect(address: &Address, options: &Options) -> io::Result<Self> {
        match address {
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
                Ok(Self::Tcp(stream))
            }
            #[cfg(unix)]
            Address::Unix(path) => Ok(Self::Unix(UnixStream::connect(path)?)),
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whoever reads or writes waits at most so long.
    pub(super) fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        either!(self, stream => {
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))
        })
    }

    /// Nobody waits any more who reads or writes.
    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        either!(self, stream => stream.set_nonblocking(true))
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => (&mut &*stream).read(buffer))
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => (&mut &*stream).write(bytes))
    }

    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        either!(self, stream => (&mut &*stream).write_all(bytes))
    }

    /// Ends the connection; whoever waits for it to become readable finds its end.
    pub(super) fn end(&self) {
        // One that has ended already cannot be ended.
        let _ = either!(self, stream => stream.shutdown(Shutdown::Both));
    }

    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> RawFd {
        either!(self, stream => stream.as_raw_fd())
    }
}
