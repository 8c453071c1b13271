//! What stops a transaction: some of it is answered by trying again, the rest is the caller's.

use crate::far::error::Problem;
use crate::far::record::RecordError;
use heed::MdbError;

/// Why a transaction did not come to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// The map has no room: make some, try again.
    Full,
    /// Another process made the map larger: adopt it, try again.
    Resized,
    /// The file was replaced by another: open that, try again.
    Superseded,
    /// The state does not say yet that there will be more than what the disk has: say so, try again.
    Unmarked,
    /// Processes that were killed may hold places in the table of readers: clear them, try again.
    Readers,
    /// The environment cannot go on after an error of the disk: open it again.
    Panicked,
    /// The file is damaged.
    Corrupt(String),
    /// Anything else.
    Problem(Problem),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<heed::Error> for Fault {
    fn from(error: heed::Error) -> Self {
        match error {
            heed::Error::Mdb(MdbError::MapFull) => Self::Full,
            heed::Error::Mdb(MdbError::MapResized) => Self::Resized,
            heed::Error::Mdb(MdbError::ReadersFull) => Self::Readers,
            heed::Error::Mdb(MdbError::Panic) => Self::Panicked,
            heed::Error::Mdb(MdbError::Other(code)) => {
                Self::Problem(std::io::Error::from_raw_os_error(code).into())
            }
            heed::Error::Mdb(error @ MdbError::VersionMismatch) => Self::Corrupt(format!(
                "{error}; processes with different versions of omnicache cannot share a directory"
            )),
            // The last three are what it says where it has lost its way in damaged pages.
            heed::Error::Mdb(
                error @ (MdbError::Corrupted
                | MdbError::PageNotFound
                | MdbError::Invalid
                | MdbError::BadTxn
                | MdbError::BadDbi
                | MdbError::Incompatible),
            ) => Self::Corrupt(error.to_string()),
            heed::Error::Mdb(error) => Self::Problem(Problem::Unsupported(error.to_string())),
            heed::Error::Io(error) => Self::Problem(error.into()),
            error @ heed::Error::EnvAlreadyOpened => {
                Self::Problem(Problem::Conflict(error.to_string()))
            }
            error => Self::Problem(Problem::Unsupported(error.to_string())),
        }
    }
}
