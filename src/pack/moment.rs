//! Dates, times of day, zones and time differences in few bytes of fixed places.

use super::Broken;
use crate::key::{Clock, Date};

/// Marks the second of two equal times, in the byte that the microseconds leave free.
const FOLD: u32 = 1 << 23;

/// The zone of a time, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone<'a> {
    /// None.
    Naive,
    /// UTC itself.
    Utc,
    /// So many microseconds east of UTC.
    Fixed(i64),
    /// The same, with a name of its own: UTF-8, lone surrogates as if they were characters.
    Named(i64, &'a [u8]),
    /// A zone of the time zone database, by its key.
    Database(&'a [u8]),
}

const UTC: u8 = 0;
const FIXED: u8 = 1;
const NAMED: u8 = 2;
const DATABASE: u8 = 3;

/// Writes a date: four bytes.
pub fn push_date(out: &mut Vec<u8>, date: Date) {
    out.extend_from_slice(&date.year.to_be_bytes());
    out.extend_from_slice(&[date.month, date.day]);
}

/// Writes a time of day: six bytes.
pub fn push_clock(out: &mut Vec<u8>, clock: Clock) {
    let micros = (clock.micro | if clock.fold { FOLD } else { 0 }).to_be_bytes();
    out.extend_from_slice(&[clock.hour, clock.minute, clock.second]);
    out.extend_from_slice(&micros[1..]);
}

/// Writes a zone: what is left of the extension.
pub fn push_zone(out: &mut Vec<u8>, zone: &Zone<'_>) {
    match *zone {
        Zone::Naive => {}
        Zone::Utc => out.push(UTC),
        Zone::Fixed(micros) => {
            out.push(FIXED);
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Zone::Named(micros, name) => {
            out.push(NAMED);
            out.extend_from_slice(&micros.to_be_bytes());
            out.extend_from_slice(name);
        }
        Zone::Database(key) => {
            out.push(DATABASE);
            out.extend_from_slice(key);
        }
    }
}

/// Writes a time difference: twelve bytes.
pub fn push_delta(out: &mut Vec<u8>, days: i32, seconds: u32, micros: u32) {
    out.extend_from_slice(&days.to_be_bytes());
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&micros.to_be_bytes());
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Result<&'a [u8; N], Broken> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(Broken::Short)?;
    *bytes = rest;
    Ok(taken)
}

/// Reads a date. Whether there is such a day is for the caller to ask.
pub fn read_date(bytes: &mut &[u8]) -> Result<Date, Broken> {
    let [high, low, month, day] = *take(bytes)?;
    Ok(Date {
        year: u16::from_be_bytes([high, low]),
        month,
        day,
    })
}

/// Reads a time of day. Whether clocks show it is for the caller to ask.
pub fn read_clock(bytes: &mut &[u8]) -> Result<Clock, Broken> {
    let [hour, minute, second, high, middle, low] = *take(bytes)?;
    let micros = u32::from_be_bytes([0, high, middle, low]);
    Ok(Clock {
        hour,
        minute,
        second,
        micro: micros & !FOLD,
        fold: micros & FOLD != 0,
    })
}

/// Reads a zone, which is all that is left.
pub fn read_zone<'a>(bytes: &mut &'a [u8]) -> Result<Zone<'a>, Broken> {
    let Some((&kind, rest)) = bytes.split_first() else {
        return Ok(Zone::Naive);
    };
    *bytes = rest;
    match kind {
        UTC => Ok(Zone::Utc),
        FIXED => Ok(Zone::Fixed(read_offset(bytes)?)),
        NAMED => Ok(Zone::Named(read_offset(bytes)?, std::mem::take(bytes))),
        DATABASE => Ok(Zone::Database(std::mem::take(bytes))),
        _ => Err(Broken::Value),
    }
}

/// Reads an offset from UTC: less than a day of microseconds to either side.
pub fn read_offset(bytes: &mut &[u8]) -> Result<i64, Broken> {
    const DAY: i64 = 86_400_000_000;
    let micros = i64::from_be_bytes(*take(bytes)?);
    if (1 - DAY..DAY).contains(&micros) {
        Ok(micros)
    } else {
        Err(Broken::Value)
    }
}

/// Reads a time difference: days, seconds of a day, microseconds of a second.
pub fn read_delta(bytes: &mut &[u8]) -> Result<(i32, u32, u32), Broken> {
    const DAYS: i32 = 999_999_999;
    let days = i32::from_be_bytes(*take(bytes)?);
    let seconds = u32::from_be_bytes(*take(bytes)?);
    let micros = u32::from_be_bytes(*take(bytes)?);
    if (-DAYS..=DAYS).contains(&days) && seconds < 86_400 && micros < 1_000_000 {
        Ok((days, seconds, micros))
    } else {
        Err(Broken::Value)
    }
}
