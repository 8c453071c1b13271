//! The one call that opens LMDB, and what else needs to be known of its environments and trees.

use super::fault::Fault;
use super::place::{Place, remove};
use crate::far::error::Problem;
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, WithoutTls};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many read transactions there may be at once, in all processes together.
pub(super) const READERS: u32 = 4096;

/// A tree of bytes to bytes.
pub(super) type Tree = Database<'static, Bytes, Bytes>;

/// Everything that lies in one file.
#[derive(Clone, Copy)]
pub(super) struct Trees {
    /// Stored key to [`super::row::Row`].
    pub(super) entries: Tree,
    /// Version to payload, where the payload is too large to lie in the row.
    pub(super) blobs: Tree,
    /// Deadline ‖ version to stored key.
    pub(super) expiry: Tree,
    /// Class ‖ stamp to stored key: who is evicted next.
    pub(super) order: Tree,
    /// Name of a tag to [`super::tags::Generations`].
    pub(super) tags: Tree,
    /// The head, and the place of the sweep.
    pub(super) meta: Tree,
    /// Stored key to [`super::lease::Lease`].
    pub(super) leases: Tree,
    /// Position ‖ number to what was changed.
    pub(super) log: Tree,
}

/// Opens the environment in the file `data`; without a `size` its map is as large as whoever grew it last made it.
#[allow(unsafe_code)]
pub(super) fn environment(
    data: &Path,
    size: Option<usize>,
    sync: bool,
) -> Result<Env<WithoutTls>, Fault> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.max_readers(READERS).max_dbs(8);
    if let Some(size) = size {
        options.map_size(size);
    }
    let mut flags = EnvFlags::NO_SUB_DIR;
    if !sync {
        flags |= EnvFlags::NO_SYNC;
    }
    // SAFETY: the file is only ever changed through LMDB (`place` gives it to its owner alone, `inspect` has made it as
    // long as it has to be), it lies on a disk of this machine, and `registry` opens it once per process. Of the flags,
    // NO_SYNC risks the file when the machine stops, which `place::State` remembers: it is then not opened again.
    Ok(unsafe {
        options.flags(flags);
        options.open(data)
    }?)
}

/// As [`environment`] in a child after a fork, where heed's list of open files still has the parent's, which must not be
/// touched: the same file under another name, which is needed only to open it.
pub(super) fn environment_of_child(
    place: &Place,
    data: &Path,
    size: Option<usize>,
    sync: bool,
) -> Result<Env<WithoutTls>, Fault> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Relaxed);
    let name = format!("alias-{}-{number}.mdb", std::process::id());
    let alias = place.dir.join(name);
    let pairs = [
        (data.to_path_buf(), alias.clone()),
        (Place::lock_of(data), Place::lock_of(&alias)),
    ];
    let linked = pairs
        .iter()
        .try_for_each(|(from, to)| std::fs::hard_link(from, to));
    let opened = match linked {
        Ok(()) => environment(&alias, size, sync),
        Err(error) => Err(Fault::Problem(Problem::Unsupported(format!(
            "a child after a fork cannot open the store here, as the file system refuses hard links ({error}): open the \
             cache after the fork, or start processes with the method \"spawn\""
        )))),
    };
    for (_, to) in &pairs {
        remove(to).map_err(Problem::from)?;
    }
    opened
}

/// Opens the trees; they are made if `env` is empty.
pub(super) fn trees(env: &Env<WithoutTls>) -> Result<Trees, Fault> {
    const NAMES: [&str; 8] = [
        "entries", "blobs", "expiry", "order", "tags", "meta", "leases", "log",
    ];
    let known = env.open_databases_and_commit(env.read_txn()?, |opener, txn| {
        let mut found = [None; 8];
        for (tree, name) in found.iter_mut().zip(NAMES) {
            *tree = opener.open_database::<Bytes, Bytes>(txn, Some(name))?;
        }
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(found))
    })?;
    let known = known.commit().unwrap_or_default();
    // A file that has something in it, but not this, is not made better by adding it.
    let trees = if env.unnamed_database_stat().entries > 0 {
        known
    } else {
        let made = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
            let mut made = [None; 8];
            for (tree, name) in made.iter_mut().zip(NAMES) {
                *tree = Some(opener.create_database::<Bytes, Bytes>(txn, Some(name))?);
            }
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(made))
        })?;
        made.commit().unwrap_or_default()
    };
    let [
        Some(entries),
        Some(blobs),
        Some(expiry),
        Some(order),
        Some(tags),
        Some(meta),
        Some(leases),
        Some(log),
    ] = trees
    else {
        return Err(Fault::Corrupt("one of its trees is missing".to_owned()));
    };
    Ok(Trees {
        entries,
        blobs,
        expiry,
        order,
        tags,
        meta,
        leases,
        log,
    })
}
