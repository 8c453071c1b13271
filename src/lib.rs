//! The engine of `OmniCache`: a cache with one strategy, its limits, its statistics and its loads in flight.
//!
//! Everything outside [`python`] is plain Rust: it never names pyo3, is generic over keys and values, takes the time
//! as an argument, and holds no `unsafe`. An import only points down this list (a test holds it):
//!
//! ```text
//! error clock stats units glob config key sketch sync  what everything uses
//! pack compress                                    what values are as bytes
//! entry slab index                                 one cached thing; where it lives; where its key is found
//! policy expiry tags                               who goes next; when it ends; which generation is valid
//! shard -> near                                    all that one lock protects; the in-process store
//! flight                                           one load per key
//! far                                              bytes elsewhere; the envelope they travel in
//! python                                           the only place that names pyo3
//! ```
#[forbid(unsafe_code)]
pub mod clock;
#[forbid(unsafe_code)]
pub mod compress;
#[forbid(unsafe_code)]
pub mod config;
#[forbid(unsafe_code)]
pub mod entry;
#[forbid(unsafe_code)]
pub mod expiry;
pub mod far; // forbids it below, but for the one call that opens LMDB
#[forbid(unsafe_code)]
pub mod flight;
#[forbid(unsafe_code)]
pub mod glob;
#[forbid(unsafe_code)]
pub mod index;
#[forbid(unsafe_code)]
pub mod key;
#[forbid(unsafe_code)]
pub mod near;
#[forbid(unsafe_code)]
pub mod pack;
#[forbid(unsafe_code)]
pub mod policy;
#[forbid(unsafe_code)]
pub mod shard;
#[forbid(unsafe_code)]
pub mod sketch;
#[forbid(unsafe_code)]
pub mod slab;
#[forbid(unsafe_code)]
pub mod stats;
#[forbid(unsafe_code)]
pub mod sync;
#[forbid(unsafe_code)]
pub mod tags;
#[forbid(unsafe_code)]
pub mod units;

#[cfg(feature = "python")]
#[allow(unsafe_code)] // each use there carries its SAFETY line
mod python;
