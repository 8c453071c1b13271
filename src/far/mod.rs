//! Beyond the process: stores of bytes that other processes see too, and the envelope that values travel in.
//!
//! A store is a [`FarStore`]: it can get, set, delete and scan, and everything else follows from that, or is done better
//! by a store that can. Answers are futures, which a store on this machine has ready at once.

pub mod entry;
pub mod error;
#[cfg(unix)]
pub mod fs;
pub mod record;
#[forbid(unsafe_code)]
pub mod redis;
mod store;
mod verdict;

pub use error::{FarError, Problem};
pub use store::{Answer, Condition, Entry, FarStore, Keys, Stored};
