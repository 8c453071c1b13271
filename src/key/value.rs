//! A decoded key: a tree of typed values.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::moment::{Clock, Date, Zone};
use super::{Writer, number, tag};

/// Text as Python has it: Unicode in which lone surrogates may occur.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(Vec<u8>);

impl Text {
    /// The text encoded in `bytes`: UTF-8 in which surrogates are encoded as if they were characters.
    pub fn from_wtf8(bytes: Vec<u8>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        while let Err(error) = std::str::from_utf8(rest) {
            rest = match &rest[error.valid_up_to()..] {
                [0xED, 0xA0..=0xBF, 0x80..=0xBF, rest @ ..] => rest,
                _ => return None,
            };
        }
        Some(Self(bytes))
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, each surrogate shown as `\udXXX`.
    pub fn display(&self) -> Cow<'_, str> {
        if let Ok(text) = std::str::from_utf8(&self.0) {
            return Cow::Borrowed(text);
        }
        let mut shown = String::with_capacity(self.0.len() + 8);
        let mut rest = self.0.as_slice();
        while let Err(error) = std::str::from_utf8(rest) {
            let (good, bad) = rest.split_at(error.valid_up_to());
            shown.push_str(&String::from_utf8_lossy(good));
            let code = 0xD000 | u32::from(bad[1] & 0x3F) << 6 | u32::from(bad[2] & 0x3F);
            let _ = write!(shown, "\\u{code:04x}"); // writing to a String cannot fail
            rest = &bad[3..];
        }
        shown.push_str(&String::from_utf8_lossy(rest));
        Cow::Owned(shown)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// A float as a key: every NaN is equal to every other, and the two zeros are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Float(u64);

impl Float {
    /// The number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl From<f64> for Float {
    fn from(value: f64) -> Self {
        Self(number::float_bits(value))
    }
}

/// What a name stands for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefKind {
    /// A class.
    Class,
    /// A function.
    Function,
}

/// What a name and a value are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedKind {
    /// A member of an enum: its name, or the value of an unnamed combination of flags.
    Enum,
    /// A dataclass, pydantic model or named tuple: a dict of its fields.
    Object,
    /// Any other type: what `__cache_key__` gave, or the base value of a subclass of a builtin.
    Custom,
}

impl RefKind {
    pub(super) fn tag(self) -> u8 {
        match self {
            Self::Class => tag::CLASS,
            Self::Function => tag::FUNCTION,
        }
    }
}

impl NamedKind {
    pub(super) fn tag(self) -> u8 {
        match self {
            Self::Enum => tag::ENUM,
            Self::Object => tag::OBJECT,
            Self::Custom => tag::CUSTOM,
        }
    }
}

/// One value of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    /// None.
    None,
    /// A bool.
    Bool(bool),
    /// An int of 64 bits.
    Int(i64),
    /// Any other int: big-endian two's complement, shortest form.
    BigInt(Vec<u8>),
    /// A float.
    Float(Float),
    /// A str.
    Str(Text),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A tuple.
    Tuple(Vec<KeyValue>),
    /// A list.
    List(Vec<KeyValue>),
    /// A dict.
    Dict(Vec<(KeyValue, KeyValue)>),
    /// A set.
    Set(Vec<KeyValue>),
    /// A frozenset.
    FrozenSet(Vec<KeyValue>),
    /// A datetime.
    DateTime(Date, Clock, Option<Zone>),
    /// A date.
    Date(Date),
    /// A time of day.
    Time(Clock, Option<Zone>),
    /// A timedelta in microseconds.
    TimeDelta(i128),
    /// A Decimal in the text form of the format.
    Decimal(String),
    /// A UUID.
    Uuid(u128),
    /// A pure path.
    Path {
        /// Windows or POSIX.
        windows: bool,
        /// The path.
        text: Text,
    },
    /// A class or function by `module:qualified.name`.
    Reference(RefKind, Text),
    /// An enum member, object or custom value: the `module:qualified.name` of its type and its value.
    Named(NamedKind, Text, Box<KeyValue>),
}

impl KeyValue {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.finish()
    }

    /// Writes this value.
    pub fn write(&self, to: &mut Writer) {
        match self {
            Self::None => to.none(),
            Self::Bool(value) => to.bool(*value),
            Self::Int(value) => to.int(*value),
            Self::BigInt(bytes) => to.big_int(bytes),
            Self::Float(value) => to.float(value.get()),
            Self::Str(text) => to.str(text.as_bytes()),
            Self::Bytes(bytes) => to.bytes(bytes),
            Self::Tuple(items) => Self::write_items(to, tag::TUPLE, items),
            Self::List(items) => Self::write_items(to, tag::LIST, items),
            Self::Dict(items) => {
                to.tag(tag::DICT);
                let mut group = to.group();
                for (key, value) in items {
                    key.write_framed(to);
                    value.write_framed(to);
                    to.item(&mut group);
                }
                to.sort(group, false);
            }
            Self::Set(members) => Self::write_members(to, tag::SET, members),
            Self::FrozenSet(members) => Self::write_members(to, tag::FROZENSET, members),
            Self::DateTime(date, clock, zone) => to.datetime(*date, *clock, zone.as_ref()),
            Self::Date(date) => to.date(*date),
            Self::Time(clock, zone) => to.time(*clock, zone.as_ref()),
            Self::TimeDelta(micros) => to.timedelta(*micros),
            Self::Decimal(text) => to.decimal(text),
            Self::Uuid(value) => to.uuid(*value),
            Self::Path { windows, text } => to.path(*windows, text.as_bytes()),
            Self::Reference(kind, name) => to.reference(*kind, name.as_bytes()),
            Self::Named(kind, name, value) => {
                to.named(*kind, name.as_bytes());
                value.write(to);
            }
        }
    }

    fn write_framed(&self, to: &mut Writer) {
        let frame = to.open();
        self.write(to);
        to.close(frame);
    }

    fn write_items(to: &mut Writer, tag: u8, items: &[Self]) {
        to.tag(tag);
        for item in items {
            item.write_framed(to);
        }
    }

    fn write_members(to: &mut Writer, tag: u8, members: &[Self]) {
        to.tag(tag);
        let mut group = to.group();
        for member in members {
            member.write_framed(to);
            to.item(&mut group);
        }
        to.sort(group, true);
    }
}
