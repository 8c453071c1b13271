//! Writes the bytes of a value, item by item.

use std::collections::TryReserveError;
use std::ops::Range;

use rmp::encode::{self, ByteBuf};

use super::moment::{Zone, push_clock, push_date, push_delta, push_zone};
use crate::key::{Clock, Date};

/// The bytes of a value under construction.
///
/// Lengths are `u32`: the format knows no longer ones.
#[derive(Default)]
pub struct Writer {
    out: ByteBuf,
}

/// An extension whose length is known once what is in it is written.
#[must_use]
pub struct Frame {
    at: usize,
}

/// A marker for a frame of at most 255 bytes, the length, and the type.
const FRAME: usize = 3;

/// Writing into memory does not fail, but the format's functions are made for files too.
#[expect(clippy::needless_pass_by_value, reason = "it is the value of a call")]
fn sure<T, E>(outcome: Result<T, E>) {
    debug_assert!(outcome.is_ok());
}

impl Writer {
    /// A writer into this buffer, which is emptied first.
    pub fn into_buffer(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self {
            out: ByteBuf::from_vec(buffer),
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.out.as_vec().len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes room for so many bytes more, which is worth it for large parts: without memory for them this fails, where
    /// writing them would abort.
    pub fn reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        self.raw().try_reserve(more)
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.out.into_vec()
    }

    fn raw(&mut self) -> &mut Vec<u8> {
        self.out.as_mut_vec()
    }

    /// Nothing.
    #[inline]
    pub fn nil(&mut self) {
        sure(encode::write_nil(&mut self.out));
    }

    /// A truth value.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        sure(encode::write_bool(&mut self.out, value));
    }

    /// A number.
    #[inline]
    pub fn int(&mut self, value: i64) {
        if (-32..128).contains(&value) {
            // The number is its own marker.
            self.raw().push(value.cast_unsigned() as u8);
        } else {
            sure(encode::write_sint(&mut self.out, value));
        }
    }

    /// A number that may be too large for the signed form.
    pub fn uint(&mut self, value: u64) {
        sure(encode::write_uint(&mut self.out, value));
    }

    /// A float, bit by bit.
    #[inline]
    pub fn float(&mut self, value: f64) {
        let mut bytes = [rmp::Marker::F64.to_u8(); 9];
        bytes[1..].copy_from_slice(&value.to_bits().to_be_bytes());
        self.raw().extend_from_slice(&bytes);
    }

    /// Text, as UTF-8; its length is that of the slice.
    #[inline]
    pub fn str(&mut self, text: &[u8], len: u32) {
        if let Ok(short @ 0..32) = u8::try_from(len) {
            self.raw().push(rmp::Marker::FixStr(short).to_u8());
        } else {
            sure(encode::write_str_len(&mut self.out, len));
        }
        self.raw().extend_from_slice(text);
    }

    /// Bytes; their length is that of the slice.
    pub fn bin(&mut self, bytes: &[u8], len: u32) {
        sure(encode::write_bin_len(&mut self.out, len));
        self.raw().extend_from_slice(bytes);
    }

    /// The start of an array of this many values.
    #[inline]
    pub fn array(&mut self, len: u32) {
        sure(encode::write_array_len(&mut self.out, len));
    }

    /// The start of a map of this many keys, each followed by its value.
    #[inline]
    pub fn map(&mut self, len: u32) {
        sure(encode::write_map_len(&mut self.out, len));
    }

    /// An extension of these bytes; their length is that of the slice.
    pub fn ext(&mut self, code: i8, bytes: &[u8], len: u32) {
        sure(encode::write_ext_meta(&mut self.out, len, code));
        self.raw().extend_from_slice(bytes);
    }

    /// A date.
    pub fn date(&mut self, date: Date) {
        let frame = self.open(super::ext::DATE);
        push_date(self.raw(), date);
        self.close(frame);
    }

    /// A time of day.
    pub fn time(&mut self, clock: Clock, zone: &Zone<'_>) {
        let frame = self.open(super::ext::TIME);
        push_clock(self.raw(), clock);
        push_zone(self.raw(), zone);
        self.close(frame);
    }

    /// A date and a time of day.
    pub fn datetime(&mut self, date: Date, clock: Clock, zone: &Zone<'_>) {
        let frame = self.open(super::ext::DATETIME);
        push_date(self.raw(), date);
        push_clock(self.raw(), clock);
        push_zone(self.raw(), zone);
        self.close(frame);
    }

    /// A time difference.
    pub fn timedelta(&mut self, days: i32, seconds: u32, micros: u32) {
        let frame = self.open(super::ext::TIMEDELTA);
        push_delta(self.raw(), days, seconds, micros);
        self.close(frame);
    }

    /// Starts an extension; what is written until [`Writer::close`] is in it.
    pub fn open(&mut self, code: i8) -> Frame {
        let at = self.len();
        self.raw()
            .extend_from_slice(&[rmp::Marker::Ext8.to_u8(), 0, code.cast_unsigned()]);
        Frame { at }
    }

    /// Ends an extension.
    #[expect(clippy::needless_pass_by_value, reason = "a frame is closed once")]
    pub fn close(&mut self, frame: Frame) {
        let len = self.len() - frame.at - FRAME;
        let out = self.raw();
        if let Ok(short) = u8::try_from(len) {
            out[frame.at + 1] = short;
            return;
        }
        let code = out[frame.at + 2];
        // Values are bounded far below what 32 bits count.
        let long = (len as u32).to_be_bytes();
        let head: &[u8] = if u16::try_from(len).is_ok() {
            &[rmp::Marker::Ext16.to_u8(), long[2], long[3], code]
        } else {
            &[
                rmp::Marker::Ext32.to_u8(),
                long[0],
                long[1],
                long[2],
                long[3],
                code,
            ]
        };
        out.splice(frame.at..frame.at + FRAME, head.iter().copied());
    }

    /// Puts what was written in these adjoining ranges in the order of the bytes.
    pub fn sort(&mut self, ranges: &mut [Range<usize>]) {
        let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else {
            return;
        };
        let (start, end) = (first.start, last.end);
        let out = self.raw();
        ranges.sort_unstable_by(|a, b| out[a.clone()].cmp(&out[b.clone()]));
        let mut sorted = Vec::with_capacity(end - start);
        for range in ranges {
            sorted.extend_from_slice(&out[range.clone()]);
        }
        out[start..end].copy_from_slice(&sorted);
    }
}
