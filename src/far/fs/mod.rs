//! A far store in files: an LMDB environment in one directory, shared by all processes of the machine.
//!
//! Readers never wait: a read is a lookup in mapped memory. Writers take turns, one transaction each, in which they also
//! do a few steps of the housekeeping. Whatever a process was doing when it is killed is either written or it is not.
//!
//! ```text
//! store far                       the face, and the same as any far store has it
//! change read check compact       what it does
//! write upkeep tags log lease     what a write can do within its transaction
//! group handle reopen registry    how operations reach the file, what is tried again; one open file per directory
//! mapped open inspect place       the file: which one is the current one, whether it may be opened, opening it
//! row head entry notes counters owner network fault    what the others are made of
//! ```

#[forbid(unsafe_code)]
mod change;
#[forbid(unsafe_code)]
mod check;
#[forbid(unsafe_code)]
mod compact;
#[forbid(unsafe_code)]
mod counters;
#[forbid(unsafe_code)]
mod entry;
#[forbid(unsafe_code)]
mod far;
#[forbid(unsafe_code)]
mod fault;
#[forbid(unsafe_code)]
mod group;
#[forbid(unsafe_code)]
mod handle;
#[forbid(unsafe_code)]
mod head;
#[forbid(unsafe_code)]
mod inspect;
#[forbid(unsafe_code)]
mod lease;
#[forbid(unsafe_code)]
mod log;
#[forbid(unsafe_code)]
mod mapped;
#[forbid(unsafe_code)]
mod network;
#[forbid(unsafe_code)]
mod notes;
mod open;
#[forbid(unsafe_code)]
mod options;
#[forbid(unsafe_code)]
mod owner;
#[forbid(unsafe_code)]
mod place;
#[forbid(unsafe_code)]
mod read;
#[forbid(unsafe_code)]
mod registry;
#[forbid(unsafe_code)]
mod reopen;
#[forbid(unsafe_code)]
mod room;
#[forbid(unsafe_code)]
mod row;
#[forbid(unsafe_code)]
mod store;
#[forbid(unsafe_code)]
mod tags;
#[cfg(test)]
mod tests;
#[forbid(unsafe_code)]
mod turn;
#[forbid(unsafe_code)]
mod upkeep;
#[forbid(unsafe_code)]
mod write;

pub use check::Report;
pub use entry::{Found, Item, Mode, Page, Set, Stats, Written};
pub use inspect::TXN;
pub use lease::{Leased, Owner};
pub use log::Changed;
pub use mapped::Heads;
pub use options::{Durability, Options};
pub use place::SetAside;
pub use registry::{after_fork, before_fork};
pub use store::FileStore;
