//! A writer of canonical bytes: push scalars, open and close frames, sort groups.

use super::moment::{Clock, Date, Zone};
use super::value::{NamedKind, RefKind};
use super::{number, tag};

/// Where an open frame starts; [`Writer::close`] takes it back.
#[must_use]
#[derive(Debug)]
pub struct Frame(usize);

/// The items, written one after another, of a dict or a set whose order must not matter.
#[must_use]
#[derive(Debug)]
pub struct Group {
    start: usize,
    ends: Vec<usize>,
}

/// Builds the bytes of one key.
///
/// The caller writes one value, and inside a container one frame per part; the writer does not check the order of
/// calls, the reader does.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// A writer with nothing written.
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            out: Vec::with_capacity(bytes),
        }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// A bare tag: None, True, False, or the start of a container.
    pub fn tag(&mut self, tag: u8) {
        self.out.push(tag);
    }

    /// Appends a whole value that is encoded already.
    pub fn encoded(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// None.
    pub fn none(&mut self) {
        self.tag(tag::NONE);
    }

    /// A bool.
    pub fn bool(&mut self, value: bool) {
        self.tag(if value { tag::TRUE } else { tag::FALSE });
    }

    /// An int of 64 bits.
    pub fn int(&mut self, value: i64) {
        self.tag(tag::INT);
        number::push_decimal(&mut self.out, i128::from(value));
    }

    /// An int of any size: big-endian two's complement, in any number of bytes that holds it.
    pub fn big_int(&mut self, bytes: &[u8]) {
        let bytes = number::shortest(bytes);
        if let Some(small) = number::to_i64(bytes) {
            self.int(small);
        } else {
            self.tagged(tag::BIG_INT, bytes);
        }
    }

    /// A float.
    pub fn float(&mut self, value: f64) {
        self.tagged(tag::FLOAT, &number::float_bits(value).to_be_bytes());
    }

    /// A str, already encoded as the format says; the caller answers for it being well formed.
    pub fn str(&mut self, text: &[u8]) {
        self.tagged(tag::STR, text);
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.tagged(tag::BYTES, value);
    }

    /// A datetime.
    pub fn datetime(&mut self, date: Date, clock: Clock, zone: Option<&Zone>) {
        self.tag(tag::DATETIME);
        date.push(&mut self.out);
        self.out.push(b'T');
        clock.push(&mut self.out);
        Zone::push(zone, &mut self.out);
    }

    /// A date.
    pub fn date(&mut self, date: Date) {
        self.tag(tag::DATE);
        date.push(&mut self.out);
    }

    /// A time of day.
    pub fn time(&mut self, clock: Clock, zone: Option<&Zone>) {
        self.tag(tag::TIME);
        clock.push(&mut self.out);
        Zone::push(zone, &mut self.out);
    }

    /// A timedelta in microseconds.
    pub fn timedelta(&mut self, micros: i128) {
        self.tag(tag::TIMEDELTA);
        number::push_decimal(&mut self.out, micros);
    }

    /// A Decimal in the text form of the format.
    pub fn decimal(&mut self, text: &str) {
        self.tagged(tag::DECIMAL, text.as_bytes());
    }

    /// A UUID.
    pub fn uuid(&mut self, value: u128) {
        self.tag(tag::UUID);
        number::push_uuid(&mut self.out, value);
    }

    /// A pure path.
    pub fn path(&mut self, windows: bool, text: &[u8]) {
        self.tag(tag::PATH);
        self.out.push(if windows { b'w' } else { b'p' });
        self.out.extend_from_slice(text);
    }

    /// A class or function by `module:qualified.name`.
    pub fn reference(&mut self, kind: RefKind, name: &[u8]) {
        self.tagged(kind.tag(), name);
    }

    /// The start of an enum member, object or custom value; its one value follows without a frame.
    pub fn named(&mut self, kind: NamedKind, name: &[u8]) {
        self.tag(kind.tag());
        number::push_length(&mut self.out, name.len());
        self.out.extend_from_slice(name);
    }

    /// Opens the frame of a part.
    pub fn open(&mut self) -> Frame {
        self.out.push(0); // the length, known when the frame closes; one byte is nearly always enough
        Frame(self.out.len())
    }

    /// Closes the frame opened last.
    #[expect(clippy::needless_pass_by_value, reason = "a frame is closed once")]
    pub fn close(&mut self, frame: Frame) {
        let Frame(start) = frame;
        let length = self.out.len() - start;
        if length < 0x80 {
            self.out[start - 1] = length as u8;
        } else {
            let mut prefix = Vec::with_capacity(10);
            number::push_length(&mut prefix, length);
            self.out.splice(start - 1..start, prefix);
        }
    }

    /// Starts a group of items that are to be sorted.
    pub fn group(&self) -> Group {
        Group {
            start: self.out.len(),
            ends: Vec::new(),
        }
    }

    /// Ends one item of `group`: all that was written since the one before.
    pub fn item(&self, group: &mut Group) {
        group.ends.push(self.out.len());
    }

    /// Sorts the items of `group` by their bytes; with `unique`, keeps one of those that are equal.
    pub fn sort(&mut self, group: Group, unique: bool) {
        let Group { start, ends } = group;
        if ends.len() < 2 {
            return;
        }
        let written = self.out.split_off(start);
        let mut items = Vec::with_capacity(ends.len());
        let mut from = 0;
        for end in ends {
            items.push(&written[from..end - start]);
            from = end - start;
        }
        items.sort_unstable();
        if unique {
            items.dedup();
        }
        for item in items {
            self.out.extend_from_slice(item);
        }
    }

    fn tagged(&mut self, tag: u8, payload: &[u8]) {
        self.out.reserve(payload.len() + 1);
        self.out.push(tag);
        self.out.extend_from_slice(payload);
    }
}
