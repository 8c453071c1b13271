//! The form that values have as bytes: `MessagePack`, with an extension type for each Python type it has no word for.
//!
//! Any `MessagePack` reader can read what is written here; it sees the extensions as opaque. What another writer wrote
//! can be read too. The reader trusts nothing: every length is checked against the bytes that are there before anything
//! is made of it, and each item leaves room for those that follow it, so that no input of n bytes claims more than n
//! items in all.

mod moment;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use moment::{Zone, read_clock, read_date, read_delta, read_offset, read_zone};
pub use moment::{push_clock, push_date, push_delta, push_zone};
pub use reader::{Head, Reader};
pub use writer::{Frame, Writer};

/// How many containers deep a value may be: as many as fit on the smallest stacks that threads have.
pub const MAX_DEPTH: u32 = 128;

/// The most bytes a value may take; many references to few objects would fill the memory once written out.
pub const MAX_BYTES: usize = 2 << 30;

/// The extension types. Their numbers are part of the format and never change.
pub mod ext {
    /// An array.
    pub const TUPLE: i8 = 0;
    /// An array, its items ordered by their bytes.
    pub const SET: i8 = 1;
    /// An array, its items ordered by their bytes.
    pub const FROZENSET: i8 = 2;
    /// An int beyond 64 bits: two's complement, most significant byte first.
    pub const INT: i8 = 3;
    /// Text with lone surrogates: UTF-8 as if each were a character.
    pub const SURROGATES: i8 = 4;
    /// The bytes of a bytearray.
    pub const BYTEARRAY: i8 = 5;
    /// A date.
    pub const DATE: i8 = 6;
    /// A time of day and its zone.
    pub const TIME: i8 = 7;
    /// A date, a time of day and its zone.
    pub const DATETIME: i8 = 8;
    /// Days, seconds, microseconds.
    pub const TIMEDELTA: i8 = 9;
    /// The digits and exponent of a decimal as text.
    pub const DECIMAL: i8 = 10;
    /// The 16 bytes of a UUID; a 17th says whether it was made safely, if that is known.
    pub const UUID: i8 = 11;
    /// Two values: the name of an enum, and the name of its member or the value of a combination of flags.
    pub const ENUM: i8 = 12;
}

/// Why bytes are not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Something is longer than what is left.
    #[error("they end too early")]
    Short,
    /// Something is shorter than what says how long it is.
    #[error("something is longer than its value")]
    Long,
    /// A first byte that has no meaning.
    #[error("a byte has no meaning there")]
    Reserved,
    /// An extension type of another program or a later version.
    #[error("they hold an extension type of another program")]
    Extension,
    /// Containers in containers in containers.
    #[error("they are nested too deep")]
    Deep,
    /// Two equal keys or members.
    #[error("a key or a member is there twice")]
    Twice,
    /// A number, date, zone or text that there cannot be.
    #[error("they hold a value that cannot be")]
    Value,
}
