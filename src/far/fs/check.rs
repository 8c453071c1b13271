//! Reads everything and compares it: every record with its checksums, every tree with the others, the counters with both.

use super::fault::Fault;
use super::head::Head;
use super::open::Trees;
use super::read::blob;
use super::row::{Row, expiry_key, order_key};
use crate::clock::NEVER;
use crate::far::record::Header;
use heed::RoTxn;

/// No more than so many problems are described.
const MOST: usize = 100;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were looked at.
    pub entries: u64,
    /// Bytes of their keys, headers and payloads.
    pub bytes: u64,
    /// What is not right, in words; empty where all is well.
    pub problems: Vec<String>,
}

impl Report {
    fn add(&mut self, problem: String) {
        if self.problems.len() < MOST {
            self.problems.push(problem);
        }
    }

    fn compare(&mut self, what: &str, counted: u64, found: u64) {
        if counted != found {
            self.add(format!(
                "{what}: {counted} by its own count, but {found} by that of the entries"
            ));
        }
    }
}

/// Reads everything that `txn` sees.
pub(super) fn check(trees: &Trees, txn: &RoTxn<'_>) -> Result<Report, Fault> {
    let head = Head::load(trees, txn)?;
    let mut report = Report::default();
    let (mut outside, mut ending) = (0, 0);
    for row in trees.entries.iter(txn)? {
        let (stored, bytes) = row?;
        report.entries += 1;
        report.bytes += (stored.len() + bytes.len()) as u64;
        let name = String::from_utf8_lossy(stored).into_owned();
        let row = match Row::parse(stored, bytes) {
            Ok(row) => row,
            Err(error) => {
                report.add(format!("entry {name:?}: {error}"));
                continue;
            }
        };
        if trees.order.get(txn, &order_key(row.class, row.stamp))? != Some(stored) {
            report.add(format!(
                "entry {name:?} has no place in the order of eviction"
            ));
        }
        let payload = if row.outside {
            let blob = blob(trees, txn, row.version)?;
            outside += 1;
            report.bytes += blob.map_or(0, |blob| blob.len() as u64);
            Some(blob)
        } else {
            None
        };
        let whole = Header::parse(row.record, row.key).and_then(|(header, rest)| {
            header.check(payload.unwrap_or(Ok(rest))?)?;
            Ok(header)
        });
        match whole {
            Ok(header) => {
                let expires = header.terms.expires;
                ending += u64::from(expires != NEVER);
                let due = trees.expiry.get(txn, &expiry_key(expires, row.version))?;
                if expires != NEVER && due != Some(stored) {
                    report.add(format!(
                        "entry {name:?} has no place in the order of expiry"
                    ));
                }
            }
            Err(error) => report.add(format!("entry {name:?}: {error}")),
        }
    }
    let (entries, bytes) = (report.entries, report.bytes);
    report.compare("entries", head.count, entries);
    report.compare("bytes", head.bytes, bytes);
    report.compare("the order of eviction", trees.order.len(txn)?, entries);
    report.compare("the order of expiry", trees.expiry.len(txn)?, ending);
    report.compare("payloads outside", trees.blobs.len(txn)?, outside);
    let mut rows = 0;
    for row in trees.log.iter(txn)? {
        row?;
        rows += 1;
    }
    report.compare("the log of changes", head.log_rows, rows);
    Ok(report)
}
