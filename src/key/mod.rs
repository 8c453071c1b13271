//! A key as canonical bytes: the same in every process and every Python, readable where it can be, and decodable.
//!
//! # The format
//!
//! A value is one tag byte and a payload that reaches to the end of its frame; the frame of a whole key is the key. A
//! part inside a container is framed: its length as a little-endian base-128 number (shortest form), then its bytes.
//! So a `str` key is `s` and its text, nothing more, and two different values can never share their bytes: the tag
//! tells the type, the frames tell where each part ends, and each payload below has one form only.
//!
//! | tag | type | payload |
//! |---|---|---|
//! | `N` `T` `F` | None, True, False | empty |
//! | `i` | int that fits in 64 bits | decimal text |
//! | `I` | any other int | two's complement, big-endian, shortest form |
//! | `f` | float | the IEEE 754 bits, big-endian; every NaN is 0x7FF8000000000000, -0.0 is 0.0 |
//! | `s` | str | UTF-8 in which lone surrogates are encoded as if they were characters (Python's `surrogatepass`) |
//! | `b` | bytes | as they are |
//! | `(` `[` | tuple, list | the frames of the items, in order |
//! | `{` | dict | pairs of frames (key, value), the pairs in ascending order of their bytes |
//! | `<` `>` | set, frozenset | the frames of the members, in strictly ascending order of their bytes |
//! | `D` | datetime | `2024-05-06T07:08:09.000000`, then fold and zone as below |
//! | `Y` | date | `2024-05-06` |
//! | `H` | time | `07:08:09.000000`, then fold and zone as below |
//! | `P` | timedelta | microseconds, decimal text |
//! | `d` | Decimal | sign, digits, `E`, exponent: `-100E-2`; or `Infinity`, `NaN`, `sNaN12` |
//! | `u` | UUID | 32 lower-case hex digits in the usual five groups |
//! | `/` | pure path | `p` (POSIX) or `w` (Windows), then the text as in `s` |
//! | `c` `g` | class, function | `module:qualified.name` |
//! | `e` | enum member | name, then the member's name (`s`) or, for an unnamed combination of flags, its value |
//! | `o` | object with named fields | name, then a dict of its fields |
//! | `x` | custom | name, then what `__cache_key__` gave, or the base value of a subclass of a builtin |
//!
//! *Name* in the last three is the frame of the type's `module:qualified.name`; the value after it has no frame, it
//! reaches to the end. Fold and zone: `*` if fold is 1; then, for an aware time, `=` (fixed offset), `~` (a zone of
//! the time zone database) or `?` (another tzinfo), the offset from UTC in microseconds or `none`, `:`, and the
//! zone's name as in `s`.
//!
//! Values nest at most [`MAX_DEPTH`] deep.

mod moment;
mod number;
mod reader;
mod text;
mod value;
mod writer;

pub use moment::{Clock, Date, Zone, ZoneKind};
pub use reader::{DecodeError, decode};
pub use text::text;
pub use value::{Float, KeyValue, NamedKind, RefKind, Text};
pub use writer::{Frame, Group, Writer};

/// How deep values may nest: a scalar is at depth 0, an item of a tuple of scalars at 1.
pub const MAX_DEPTH: usize = 64;

/// The tag bytes of the format.
pub mod tag {
    /// None.
    pub const NONE: u8 = b'N';
    /// True.
    pub const TRUE: u8 = b'T';
    /// False.
    pub const FALSE: u8 = b'F';
    /// An int of 64 bits.
    pub const INT: u8 = b'i';
    /// An int of more than 64 bits.
    pub const BIG_INT: u8 = b'I';
    /// A float.
    pub const FLOAT: u8 = b'f';
    /// A str.
    pub const STR: u8 = b's';
    /// Bytes.
    pub const BYTES: u8 = b'b';
    /// A tuple.
    pub const TUPLE: u8 = b'(';
    /// A list.
    pub const LIST: u8 = b'[';
    /// A dict.
    pub const DICT: u8 = b'{';
    /// A set.
    pub const SET: u8 = b'<';
    /// A frozenset.
    pub const FROZENSET: u8 = b'>';
    /// A datetime.
    pub const DATETIME: u8 = b'D';
    /// A date.
    pub const DATE: u8 = b'Y';
    /// A time of day.
    pub const TIME: u8 = b'H';
    /// A timedelta.
    pub const TIMEDELTA: u8 = b'P';
    /// A Decimal.
    pub const DECIMAL: u8 = b'd';
    /// A UUID.
    pub const UUID: u8 = b'u';
    /// A pure path.
    pub const PATH: u8 = b'/';
    /// A class, by name.
    pub const CLASS: u8 = b'c';
    /// A function, by name.
    pub const FUNCTION: u8 = b'g';
    /// A member of an enum.
    pub const ENUM: u8 = b'e';
    /// An object with named fields.
    pub const OBJECT: u8 = b'o';
    /// A value of a type of the user's own.
    pub const CUSTOM: u8 = b'x';
}

#[cfg(test)]
mod tests;
