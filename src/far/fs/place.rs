//! The directory of a store: its rights, its locks, and which of its files is the current one.
//!
//! ```text
//! state               which generation is current, in which boot it was last written, whether it was closed cleanly
//! open.lock           held by whoever opens, closes, compacts or sets aside
//! write.lock          held by whoever writes
//! users.lock          held, shared, by every process that has the store open
//! data-N.mdb          the entries of generation N; LMDB keeps data-N.mdb-lock beside it
//! damaged-N.mdb       the last file that was set aside
//! ```

use super::network;
use crate::far::error::Problem;
use rustix::fs::{FlockOperation, fcntl_lock, statvfs};
use rustix::process::{Resource, getrlimit};
use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The format of the files; what is newer is left alone.
const FORMAT: u64 = 1;
/// How often a lock is asked for, and how long between.
const TRIES: u32 = 10_000;
const PAUSE: Duration = Duration::from_millis(1);

/// What the file `state` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The current generation.
    pub(super) generation: u64,
    /// The boot in which it was last written without a sync, or empty.
    pub(super) boot: String,
    /// Whether all that was written is on the disk.
    pub(super) clean: bool,
    /// Whether somebody found the current file damaged.
    pub(super) damaged: bool,
}

/// A file that was put out of the way, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// A directory.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
}

/// A lock of a whole file, given back when dropped. It belongs to the process: a child after a fork does not have it.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Place {
    /// Makes sure that `dir` is there, private if it is new, and on a disk of this machine.
    pub(super) fn prepare(dir: &Path) -> Result<Self, Problem> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let dir = dir.canonicalize()?;
        match network::shared(&dir) {
            Some(name) => Err(Problem::Network(name)),
            None => Ok(Self { dir }),
        }
    }

    /// The data file of `generation`.
    pub(super) fn data(&self, generation: u64) -> PathBuf {
        self.dir.join(format!("data-{generation}.mdb"))
    }

    /// The lock file that LMDB keeps for `data`.
    pub(super) fn lock_of(data: &Path) -> PathBuf {
        let mut name = data.as_os_str().to_owned();
        name.push("-lock");
        name.into()
    }

    /// Waits for the right to open, close or replace files. The directory is made again if it was removed.
    pub(super) fn lock(&self) -> Result<Lock, Problem> {
        let path = self.dir.join("open.lock");
        let file = match private().open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::prepare(&self.dir)?;
                private().open(&path)?
            }
            file => file?,
        };
        for _ in 0..TRIES {
            match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock { file }),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        let seconds = (TRIES * PAUSE.subsec_millis()) / 1000;
        Err(Problem::Busy(format!(
            "another process has held {} for {seconds} seconds",
            path.display()
        )))
    }

    /// Tells other processes that this one uses the store.
    pub(super) fn enter(&self) -> Result<Lock, Problem> {
        let file = private().open(self.users())?;
        fcntl_lock(&file, FlockOperation::NonBlockingLockShared).map_err(io::Error::from)?;
        Ok(Lock { file })
    }

    /// The file that is locked by all who use the store.
    pub(super) fn users(&self) -> PathBuf {
        self.dir.join("users.lock")
    }

    /// What the state file says; `Ok(None)` where there is none, an error of text where it makes no sense.
    pub(super) fn state(&self) -> Result<Option<Result<State, String>>, Problem> {
        match fs::read(self.dir.join("state")) {
            Ok(bytes) => {
                let read = State::parse(&String::from_utf8_lossy(&bytes));
                if let Ok((format, _)) = &read
                    && *format > FORMAT
                {
                    return Err(Problem::Newer(*format));
                }
                Ok(Some(read.map(|(_, state)| state)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the state file; `durable` waits for the disk.
    pub(super) fn write_state(&self, state: &State, durable: bool) -> Result<(), Problem> {
        let fresh = self.dir.join("state.new");
        let mut file = private().truncate(true).open(&fresh)?;
        file.write_all(state.text().as_bytes())?;
        if durable {
            file.sync_data()?;
        }
        fs::rename(&fresh, self.dir.join("state"))?;
        if durable {
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(())
    }

    /// Whether the disk has little room left, or the data file is nearly as long as this process may make it.
    pub(super) fn is_nearly_full(&self) -> bool {
        const LITTLE: u64 = 64 << 20;
        let free =
            statvfs(&self.dir).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        free < LITTLE
            || self
                .longest()
                .is_ok_and(|len| limit.saturating_sub(len) < LITTLE)
    }

    /// How long the longest data file is.
    fn longest(&self) -> io::Result<u64> {
        let mut longest = 0;
        for entry in fs::read_dir(&self.dir)? {
            longest = longest.max(entry?.metadata()?.len());
        }
        Ok(longest)
    }

    /// Puts the file of `generation` out of the way; the last such file is kept, earlier ones are removed.
    pub(super) fn set_aside(&self, generation: u64, reason: &str) -> Result<SetAside, Problem> {
        let data = self.data(generation);
        let path = self.dir.join(format!("damaged-{generation}.mdb"));
        self.remove_files(|name| name.starts_with("damaged-"))?;
        match fs::rename(&data, &path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        remove(&Self::lock_of(&data))?;
        Ok(SetAside {
            path,
            reason: reason.to_owned(),
        })
    }

    /// Removes data files that are not of `generation`: what a process that was killed left behind.
    pub(super) fn tidy(&self, generation: u64) -> Result<(), Problem> {
        let current = format!("data-{generation}.mdb");
        let lock = format!("{current}-lock");
        self.remove_files(|name| {
            (name.starts_with("data-") || name.starts_with("alias-"))
                && name != current
                && name != lock
        })
    }

    fn remove_files(&self, which: impl Fn(&str) -> bool) -> Result<(), Problem> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if which(&entry.file_name().to_string_lossy()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl Lock {
    /// Whether the file that is locked still lies at `path`.
    pub(super) fn is_of(&self, path: &Path) -> io::Result<bool> {
        let own = self.file.metadata()?;
        Ok(identity(path)? == Some((own.dev(), own.ino())))
    }

    /// Whether nobody else holds this lock any more, who then may not take it before it is dropped.
    pub(super) fn is_last(&self) -> bool {
        fcntl_lock(&self.file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file gives the lock back as well; nothing can be done if neither works.
        let _ = fcntl_lock(&self.file, FlockOperation::NonBlockingUnlock);
    }
}

impl State {
    /// The state of a new directory. Its first generation is a random number, so that nobody takes it for one that was
    /// there before.
    pub(super) fn fresh() -> Self {
        let random = RandomState::new().build_hasher().finish();
        Self {
            generation: 1 + random % (1 << 20),
            boot: String::new(),
            clean: true,
            damaged: false,
        }
    }

    fn text(&self) -> String {
        format!(
            "omnicache {FORMAT}\ngeneration {}\nboot {}\nclean {}\ndamaged {}\n",
            self.generation,
            self.boot,
            u8::from(self.clean),
            u8::from(self.damaged)
        )
    }

    /// The format and the state in `text`.
    fn parse(text: &str) -> Result<(u64, Self), String> {
        let field = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.ok_or_else(|| format!("the file state has no line {name:?}"))
        };
        let number = |name: &str| {
            field(name)?
                .parse()
                .map_err(|_| format!("line {name:?} of the file state is no number"))
        };
        let format: u64 = number("omnicache")?;
        if format > FORMAT {
            return Ok((format, Self::fresh()));
        }
        let generation: u64 = number("generation")?;
        if generation >= 1 << 23 {
            return Err(format!(
                "generation {generation} of the file state is too large"
            ));
        }
        let state = Self {
            generation,
            boot: field("boot")?.to_owned(),
            clean: number("clean")? == 1,
            damaged: number("damaged")? == 1,
        };
        Ok((format, state))
    }
}

/// How files of a store are opened: for their owner alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Which file lies at `path`; `None` if none does.
pub(super) fn identity(path: &Path) -> io::Result<Option<(u64, u64)>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What names this run of the machine; the same for ever where the system does not tell.
pub(super) fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() { "unknown" } else { id }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::prepare(&dir.path().join("new")).unwrap();
        assert_eq!(place.state().unwrap(), None);
        let state = State {
            generation: 7,
            boot: boot(),
            clean: false,
            damaged: true,
        };
        place.write_state(&state, true).unwrap();
        assert_eq!(place.state().unwrap(), Some(Ok(state)));
        let mode = fs::metadata(&place.dir).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        let mode = fs::metadata(place.dir.join("state")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_state_that_makes_no_sense_is_told_from_a_newer_one() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::prepare(dir.path()).unwrap();
        for text in [
            "",
            "garbage",
            "omnicache 1\ngeneration x\n",
            "omnicache 1\ngeneration 8388608\nboot a\n",
        ] {
            fs::write(place.dir.join("state"), text).unwrap();
            assert!(place.state().unwrap().unwrap().is_err(), "{text:?}");
        }
        fs::write(place.dir.join("state"), "omnicache 9\nwhatever\n").unwrap();
        assert!(matches!(place.state(), Err(Problem::Newer(9))));
    }
}
