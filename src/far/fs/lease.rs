//! Leases: who of all processes loads a key now, so that the others wait for it.
//!
//! A lease ends when it is released, when its key is written with its token, invalidated or deleted, at its deadline, and
//! at once when the process that holds it is dead. Its token is a number that no later lease has: a write that names a
//! token is refused when another lease has begun since, or the key was invalidated meanwhile.

use super::fault::Fault;
use super::open::Trees;
use super::owner;
use super::row::{number, stored, whole};
use super::write::Write;
use heed::RoTxn;

pub use crate::far::entry::{Leased, Owner};

/// A row of the tree of leases. Behind it stands the key, where that is stored by its hash.
#[derive(Clone, Copy, Debug)]
struct Lease {
    token: u64,
    until: u64,
    owner: Owner,
}

impl Lease {
    const LEN: usize = 44;

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() < Self::LEN {
            return Err(Fault::Corrupt("a lease".to_owned()));
        }
        Ok(Self {
            token: number(bytes),
            until: number(&bytes[8..]),
            owner: Owner {
                start: number(&bytes[16..]),
                namespace: number(&bytes[24..]),
                number: number(&bytes[32..]),
                pid: u32::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]),
            },
        })
    }

    fn write(&self) -> Vec<u8> {
        let owner = &self.owner;
        let mut out = Vec::with_capacity(Self::LEN);
        for field in [
            self.token,
            self.until,
            owner.start,
            owner.namespace,
            owner.number,
        ] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&owner.pid.to_le_bytes());
        out
    }
}

/// The keys that somebody loads at `now`.
pub(super) fn leased(trees: &Trees, txn: &RoTxn<'_>, now: u64) -> Result<Vec<Vec<u8>>, Fault> {
    let mut keys = Vec::new();
    for row in trees.leases.iter(txn)? {
        let (stored, bytes) = row?;
        if now < Lease::read(bytes)?.until {
            let kept = &bytes[Lease::LEN..];
            keys.push(whole(stored).unwrap_or(kept).to_vec());
        }
    }
    Ok(keys)
}

impl Write<'_, '_> {
    /// Asks for the lease of `key` until `until` for `owner`. Who has it already keeps it for longer.
    pub(super) fn lease(&mut self, key: &[u8], owner: Owner, until: u64) -> Result<Leased, Fault> {
        let (asked, key) = (key, stored(key));
        let held = self
            .trees
            .leases
            .get(self.txn, &key)?
            .map(Lease::read)
            .transpose()?;
        let token = match held {
            Some(held) if held.owner == owner && self.writer.now < held.until => held.token,
            Some(held) if self.writer.now < held.until && owner::is_alive(&held.owner) => {
                return Ok(Leased::Held {
                    owner: held.owner,
                    until: held.until,
                });
            }
            _ => self.head.next(),
        };
        let lease = Lease {
            token,
            until,
            owner,
        };
        let mut row = lease.write();
        if whole(&key).is_none() {
            row.extend_from_slice(asked);
        }
        self.trees.leases.put(self.txn, &key, &row)?;
        self.changed = true;
        Ok(Leased::Acquired {
            token,
            generation: self.head.generation,
        })
    }

    /// Whether the lease of the key stored under `key` has this token.
    pub(super) fn has_token(&self, key: &[u8], token: u64) -> Result<bool, Fault> {
        let held = self
            .trees
            .leases
            .get(self.txn, key)?
            .map(Lease::read)
            .transpose()?;
        Ok(held.is_some_and(|held| held.token == token))
    }

    /// Ends the lease of the key stored under `key`, whoever has it; whether there was one.
    pub(super) fn end_lease(&mut self, key: &[u8]) -> Result<bool, Fault> {
        let ended = self.head_has_leases()? && self.trees.leases.delete(self.txn, key)?;
        self.changed |= ended;
        Ok(ended)
    }

    fn head_has_leases(&self) -> Result<bool, Fault> {
        Ok(!self.trees.leases.is_empty(self.txn)?)
    }
}
