//! A look at a file before it is mapped: whether it is what LMDB wrote, whole, and safe to read through memory.
//!
//! Reading a mapped page that the file does not have kills the process, so a file that is shorter than its last page is
//! made as long first: what is missing reads as zeros, which is no page, and is then found by reading it all.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const META: usize = 152;
/// Where in the page of a head the number of its transaction stands.
pub const TXN: usize = 144;
const MAGIC: u32 = 0xBEEF_C0DE;
const P_BRANCH: u16 = 1;
const P_LEAF: u16 = 2;
const P_META: u16 = 8;
const NO_PAGE: u64 = u64::MAX;

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing is there yet.
    Nothing,
    /// It looks as it should.
    Whole,
    /// It was shorter than its last page. That may be right, if that page was free, or the file was cut.
    Short,
    /// It is not what was written, and why.
    Damaged(String),
}

/// One of the two pages that say where everything is.
struct Meta {
    page_size: u64,
    roots: [u64; 2],
    last_page: u64,
    txn: u64,
}

/// Looks at the file at `path`.
pub(super) fn look(path: &Path) -> io::Result<Found> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok(Found::Nothing);
    }
    if cfg!(target_pointer_width = "32") {
        return Ok(Found::Whole); // the layout below is that of 64 bits
    }
    match verify(&file, len)? {
        Ok(needed) if needed > len => {
            file.set_len(needed)?;
            Ok(Found::Short)
        }
        Ok(_) => Ok(Found::Whole),
        Err(problem) => Ok(Found::Damaged(problem)),
    }
}

/// The size of the pages of `file`, if it can be read as [`TXN`] says; it is as long as its two heads.
pub(super) fn page_size(file: &File) -> io::Result<Option<usize>> {
    if cfg!(target_pointer_width = "32") {
        return Ok(None);
    }
    let size = meta(file, 0, 0)?.ok().map(|meta| meta.page_size);
    let len = file.metadata()?.len();
    Ok(size
        .filter(|size| 2 * size <= len)
        .and_then(|size| usize::try_from(size).ok()))
}

/// How long the file has to be, or what is wrong with it.
fn verify(file: &File, len: u64) -> io::Result<Result<u64, String>> {
    let first = match meta(file, 0, 0)? {
        Ok(meta) => meta,
        Err(problem) => return Ok(Err(problem)),
    };
    let second = match meta(file, 1, first.page_size)? {
        Ok(meta) => meta,
        Err(problem) => return Ok(Err(problem)),
    };
    let (newer, older) = if first.txn > second.txn {
        (first, second)
    } else {
        (second, first)
    };
    if newer.last_page < older.last_page || newer.page_size != older.page_size {
        return Ok(Err("its two heads contradict each other".to_owned()));
    }
    // LMDB may leave out the last pages if they are free, but hardly so many.
    let needed = (newer.last_page + 1).saturating_mul(newer.page_size);
    if needed / 64 > len {
        return Ok(Err(format!("it has {len} bytes of {needed}")));
    }
    for root in newer.roots {
        if let Err(problem) = check_root(file, root, &newer)? {
            return Ok(Err(problem));
        }
    }
    Ok(Ok(needed))
}

/// The head in page `number`.
fn meta(file: &File, number: u64, page_size: u64) -> io::Result<Result<Meta, String>> {
    let mut bytes = [0; META];
    if !read(file, &mut bytes, number * page_size)? {
        return Ok(Err(format!("it ends before its head {number} does")));
    }
    let wrong = |what: &str| Ok(Err(format!("{what} of its head {number} is not right")));
    if u64_at(&bytes, 0) != number || u16_at(&bytes, 10) & P_META == 0 {
        return wrong("the page");
    }
    if u32_at(&bytes, 16) != MAGIC || u32_at(&bytes, 20) != 1 {
        return wrong("the mark");
    }
    let meta = Meta {
        page_size: u64::from(u32_at(&bytes, 40)),
        roots: [u64_at(&bytes, 80), u64_at(&bytes, 128)],
        last_page: u64_at(&bytes, 136),
        txn: u64_at(&bytes, TXN),
    };
    if !meta.page_size.is_power_of_two() || !(512..=65536).contains(&meta.page_size) {
        return wrong("the page size");
    }
    if meta.txn != 0 && meta.txn % 2 != number {
        return wrong("the transaction number");
    }
    if meta.last_page < 1 || meta.last_page > u64::MAX / 65536 - 1 {
        return wrong("the last page");
    }
    Ok(Ok(meta))
}

/// Whether a tree begins in page `root`.
fn check_root(file: &File, root: u64, meta: &Meta) -> io::Result<Result<(), String>> {
    if root == NO_PAGE {
        return Ok(Ok(()));
    }
    let mut page = [0; 16];
    let is_tree = root > 1
        && root <= meta.last_page
        && read(file, &mut page, root * meta.page_size)?
        && u64_at(&page, 0) == root
        && matches!(u16_at(&page, 10) & 0x0f, P_BRANCH | P_LEAF);
    Ok(if is_tree {
        Ok(())
    } else {
        Err(format!("no tree begins in page {root}"))
    })
}

/// Fills `bytes` from the file at `at`; whether the file has so many.
fn read(file: &File, bytes: &mut [u8], at: u64) -> io::Result<bool> {
    match file.read_exact_at(bytes, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_no_such_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        assert_eq!(look(&path).unwrap(), Found::Nothing);
        for content in [vec![b'x'], vec![0; 100], vec![0; 8192], vec![7; 100_000]] {
            fs::write(&path, &content).unwrap();
            assert!(
                matches!(look(&path).unwrap(), Found::Damaged(_)),
                "{} bytes",
                content.len()
            );
        }
        fs::write(&path, b"").unwrap();
        assert_eq!(look(&path).unwrap(), Found::Nothing);
    }
}
