//! Dates, times of day and zones as text of one form.

use super::number::{decimal, fixed, push_decimal, push_padded};
use super::value::Text;

/// A day of the Gregorian calendar, years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A time on the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub micro: u32,
    /// The second of two equal times when clocks are set back.
    pub fold: bool,
}

/// What sort of tzinfo a zone was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZoneKind {
    /// `datetime.timezone`.
    Fixed,
    /// `zoneinfo.ZoneInfo` with a key.
    Database,
    /// Any other.
    Other,
}

/// The zone of an aware time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    /// What sort of tzinfo.
    pub kind: ZoneKind,
    /// Microseconds east of UTC; a time of day in a zone with clock changes has none.
    pub offset: Option<i64>,
    /// The name: the key of a zone of the database, else what `tzname` gives.
    pub name: Text,
}

impl Date {
    pub(super) fn push(self, out: &mut Vec<u8>) {
        push_padded(out, u32::from(self.year), 4);
        out.push(b'-');
        push_padded(out, u32::from(self.month), 2);
        out.push(b'-');
        push_padded(out, u32::from(self.day), 2);
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (text, rest) = bytes.split_at_checked(10)?;
        *bytes = rest;
        let date = Self {
            year: fixed(&text[..4])? as u16,
            month: fixed(&text[5..7])? as u8,
            day: fixed(&text[8..])? as u8,
        };
        (text[4] == b'-' && text[7] == b'-' && date.is_valid()).then_some(date)
    }

    fn is_valid(self) -> bool {
        let leap = self.year.is_multiple_of(4) && !self.year.is_multiple_of(100)
            || self.year.is_multiple_of(400);
        let days = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            _ => 0,
        };
        self.year > 0 && (1..=days).contains(&self.day)
    }
}

impl Clock {
    /// The fold comes last, where a reader in a hurry does not stumble over it.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        push_padded(out, u32::from(self.hour), 2);
        out.push(b':');
        push_padded(out, u32::from(self.minute), 2);
        out.push(b':');
        push_padded(out, u32::from(self.second), 2);
        out.push(b'.');
        push_padded(out, self.micro, 6);
        if self.fold {
            out.push(b'*');
        }
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (text, mut rest) = bytes.split_at_checked(15)?;
        let fold = rest.first() == Some(&b'*');
        if fold {
            rest = &rest[1..];
        }
        *bytes = rest;
        let clock = Self {
            hour: fixed(&text[..2])? as u8,
            minute: fixed(&text[3..5])? as u8,
            second: fixed(&text[6..8])? as u8,
            micro: fixed(&text[9..])?,
            fold,
        };
        let valid = clock.hour < 24 && clock.minute < 60 && clock.second < 60;
        (text[2] == b':' && text[5] == b':' && text[8] == b'.' && valid).then_some(clock)
    }
}

impl Zone {
    pub(super) fn push(zone: Option<&Self>, out: &mut Vec<u8>) {
        let Some(zone) = zone else { return };
        out.push(match zone.kind {
            ZoneKind::Fixed => b'=',
            ZoneKind::Database => b'~',
            ZoneKind::Other => b'?',
        });
        match zone.offset {
            Some(offset) => push_decimal(out, i128::from(offset)),
            None => out.extend_from_slice(b"none"),
        }
        out.push(b':');
        out.extend_from_slice(zone.name.as_bytes());
    }

    /// Reads to the end of `bytes`: `Some(None)` when there is no zone, `None` when it is malformed.
    #[expect(
        clippy::option_option,
        reason = "malformed, naive and aware are three answers"
    )]
    pub(super) fn take(bytes: &[u8]) -> Option<Option<Self>> {
        const DAY: i64 = 86_400_000_000;
        let Some((&sort, rest)) = bytes.split_first() else {
            return Some(None);
        };
        let kind = match sort {
            b'=' => ZoneKind::Fixed,
            b'~' => ZoneKind::Database,
            b'?' => ZoneKind::Other,
            _ => return None,
        };
        let colon = rest.iter().position(|&byte| byte == b':')?;
        let offset = match &rest[..colon] {
            b"none" => None,
            digits => {
                let offset = i64::try_from(decimal(digits)?).ok()?;
                if offset <= -DAY || offset >= DAY {
                    return None;
                }
                Some(offset)
            }
        };
        let name = Text::from_wtf8(rest[colon + 1..].to_vec())?;
        Some(Some(Self { kind, offset, name }))
    }
}
