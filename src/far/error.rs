//! What can go wrong between the cache and a far store: typed, and worded for the one who has to act.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A far store failed: what it was doing, where, and why.
#[derive(Debug)]
pub struct FarError {
    /// The operation: `get`, `open`, ...
    pub operation: &'static str,
    /// The place: a directory, or the address of a server.
    pub place: PathBuf,
    /// Why.
    pub problem: Problem,
}

/// Why a far store failed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The operating system said no.
    #[error("{0}")]
    Io(io::Error),
    /// The disk is full. Nothing of the operation was written.
    #[error(
        "no room is left on the disk, and nothing was written: free some, or give the cache a max_bytes"
    )]
    DiskFull,
    /// The process may not do that here.
    #[error(
        "permission denied ({0}): the user of this process needs to read and write the directory and every file in it"
    )]
    Permission(String),
    /// The directory lies on a file system that several machines share.
    #[error(
        "the directory lies on a network file system ({0}), where locks and mapped memory do not hold what the cache needs: \
         choose a directory on a local disk, or share a cache between machines through Redis"
    )]
    Network(String),
    /// What lies on the disk is not what was written. The next operation sets it aside and begins with an empty file.
    #[error(
        "the cache's file is damaged ({0}): it is set aside, and the next operation begins with an empty one"
    )]
    Damaged(String),
    /// A newer version of the package wrote the files.
    #[error(
        "format {0} is newer than this version of omnicache can read: upgrade it, or choose another directory"
    )]
    Newer(u64),
    /// Another opening in this process asked for something else.
    #[error("{0}")]
    Conflict(String),
    /// Somebody held a lock for too long.
    #[error("{0}: it may be stopped or hanging; end it, or try again")]
    Busy(String),
    /// A key or a value is larger than the store can hold.
    #[error("{what} of {size} bytes; at most {limit} are possible")]
    TooLarge {
        /// A key or a value.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The largest that is possible.
        limit: u64,
    },
    /// The store was closed.
    #[error("the store is closed: open a new one")]
    Closed,
    /// More transactions read at once than there is room for.
    #[error("more than {0} readers at once: use fewer threads or processes for this directory")]
    Readers(u32),
    /// The server cannot be reached, or the connection to it was lost.
    #[error(
        "no connection to the server ({0}): is it running, and are address, user and password right?"
    )]
    Unreachable(String),
    /// The server did not answer in time.
    #[error(
        "no answer within {0:?}: the server or the way to it is slow or hangs; try again, or give a longer timeout"
    )]
    TimedOut(std::time::Duration),
    /// The server answered, and said no.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The store cannot do that.
    #[error("{0}")]
    Unsupported(String),
}

impl FarError {
    /// An error of `operation` at `place`.
    pub fn new(operation: &'static str, place: &Path, problem: Problem) -> Self {
        Self {
            operation,
            place: place.to_path_buf(),
            problem,
        }
    }

    /// Whether trying again later can help, as nothing is wrong with what was asked.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.problem,
            Problem::Io(_)
                | Problem::DiskFull
                | Problem::Busy(_)
                | Problem::Readers(_)
                | Problem::Unreachable(_)
                | Problem::TimedOut(_)
        )
    }
}

impl fmt::Display for FarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.display();
        write!(f, "{} in {place}: {}", self.operation, self.problem)
    }
}

impl std::error::Error for FarError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // EFBIG: the process's own limit on the size of files.
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::DiskFull,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Permission(error.to_string())
            }
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_operation_the_place_and_what_to_do() {
        let full = Problem::from(io::Error::from(io::ErrorKind::StorageFull));
        let error = FarError::new("set", Path::new("/var/cache/users"), full);
        let text = error.to_string();
        assert!(
            text.starts_with("set in /var/cache/users: no room"),
            "{text}"
        );
        assert!(text.contains("max_bytes"), "{text}");
        assert!(error.is_passing());
        let denied = Problem::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(denied, Problem::Permission(_)));
    }
}
