//! Dates, times, zones and time differences: to bytes and back.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyString, PyTime,
    PyTimeAccess, PyTuple, PyTzInfo, PyTzInfoAccess,
};

use super::decode::wtf8_text;
use super::encode::{Encoder, wtf8};
use super::error::{Outcome, Trouble};
use crate::key::{Clock, Date};
use crate::pack::{self, Broken, Zone};
use crate::python::keys::known;

impl<'py> Encoder<'py, '_> {
    /// Writes exactly a datetime, date, time or timedelta; false if it is neither.
    pub(super) fn moment(&mut self, obj: &Bound<'py, PyAny>) -> Outcome<bool> {
        if let Ok(moment) = obj.cast_exact::<PyDateTime>() {
            let (date, clock) = (date(moment), clock(moment));
            with_zone(moment.get_tzinfo(), |zone| {
                self.out.datetime(date, clock, zone);
            })?;
        } else if let Ok(day) = obj.cast_exact::<PyDate>() {
            self.out.date(date(day));
        } else if let Ok(time) = obj.cast_exact::<PyTime>() {
            let clock = clock(time);
            with_zone(time.get_tzinfo(), |zone| self.out.time(clock, zone))?;
        } else if let Ok(delta) = obj.cast_exact::<PyDelta>() {
            self.out.timedelta(
                delta.get_days(),
                delta.get_seconds().cast_unsigned(),
                delta.get_microseconds().cast_unsigned(),
            );
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn date(of: &impl PyDateAccess) -> Date {
    Date {
        year: of.get_year().unsigned_abs() as u16,
        month: of.get_month(),
        day: of.get_day(),
    }
}

fn clock(of: &impl PyTimeAccess) -> Clock {
    Clock {
        hour: of.get_hour(),
        minute: of.get_minute(),
        second: of.get_second(),
        micro: of.get_microsecond(),
        fold: of.get_fold(),
    }
}

/// Gives the zone to `write`, if it is one that can be made again.
fn with_zone(tzinfo: Option<Bound<'_, PyTzInfo>>, write: impl FnOnce(&Zone<'_>)) -> Outcome {
    let Some(tzinfo) = tzinfo else {
        write(&Zone::Naive);
        return Ok(());
    };
    let py = tzinfo.py();
    if tzinfo.is(PyTzInfo::utc(py)?) {
        write(&Zone::Utc);
        return Ok(());
    }
    let class = tzinfo.get_type();
    if known::TIMEZONE.is(&class) {
        // What it was made of: an offset, and a name if one was given.
        let made_of = tzinfo.call_method0(intern!(py, "__getinitargs__"))?;
        let made_of = made_of.cast::<PyTuple>().map_err(PyErr::from)?;
        let offset = made_of.get_item(0)?;
        let micros = micros(offset.cast::<PyDelta>().map_err(PyErr::from)?);
        if made_of.len() > 1 {
            let name = made_of.get_item(1)?;
            let name = wtf8(name.cast::<PyString>().map_err(PyErr::from)?)?;
            write(&Zone::Named(micros, name.as_bytes()));
        } else {
            write(&Zone::Fixed(micros));
        }
        return Ok(());
    }
    if known::ZONE_INFO.is(&class)
        && let Ok(key) = tzinfo.getattr(intern!(py, "key"))?.cast::<PyString>()
    {
        write(&Zone::Database(wtf8(key)?.as_bytes()));
        return Ok(());
    }
    Err(Trouble::new(
        format!(
            "has a tzinfo of type {}, which the native serializer cannot write",
            known::shown(&class)
        ),
        "use datetime.timezone, or zoneinfo.ZoneInfo with a key",
    ))
}

/// An offset is less than a day, so 64 bits hold its microseconds.
fn micros(delta: &Bound<'_, PyDelta>) -> i64 {
    (i64::from(delta.get_days()) * 86_400 + i64::from(delta.get_seconds())) * 1_000_000
        + i64::from(delta.get_microseconds())
}

/// The date of these bytes.
pub(super) fn read_date<'py>(py: Python<'py>, mut bytes: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    let Date { year, month, day } = pack::read_date(&mut bytes).map_err(broken)?;
    nothing_left(bytes)?;
    Ok(PyDate::new(py, i32::from(year), month, day)?.into_any())
}

/// The time of day of these bytes.
pub(super) fn read_time<'py>(py: Python<'py>, mut bytes: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    let clock = pack::read_clock(&mut bytes).map_err(broken)?;
    let zone = tzinfo(py, pack::read_zone(&mut bytes).map_err(broken)?)?;
    nothing_left(bytes)?;
    let Clock {
        hour,
        minute,
        second,
        micro,
        fold,
    } = clock;
    let made = PyTime::new_with_fold(py, hour, minute, second, micro, zone.as_ref(), fold)?;
    Ok(made.into_any())
}

/// The date and time of day of these bytes.
pub(super) fn read_datetime<'py>(py: Python<'py>, mut bytes: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    let Date { year, month, day } = pack::read_date(&mut bytes).map_err(broken)?;
    let clock = pack::read_clock(&mut bytes).map_err(broken)?;
    let zone = tzinfo(py, pack::read_zone(&mut bytes).map_err(broken)?)?;
    nothing_left(bytes)?;
    let made = PyDateTime::new_with_fold(
        py,
        i32::from(year),
        month,
        day,
        clock.hour,
        clock.minute,
        clock.second,
        clock.micro,
        zone.as_ref(),
        clock.fold,
    )?;
    Ok(made.into_any())
}

/// The time difference of these bytes.
pub(super) fn read_delta<'py>(py: Python<'py>, mut bytes: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    let (days, seconds, micros) = pack::read_delta(&mut bytes).map_err(broken)?;
    nothing_left(bytes)?;
    // The limits were checked, so both fit.
    let made = PyDelta::new(py, days, seconds.cast_signed(), micros.cast_signed(), false)?;
    Ok(made.into_any())
}

fn tzinfo<'py>(py: Python<'py>, zone: Zone<'_>) -> Outcome<Option<Bound<'py, PyTzInfo>>> {
    let made = match zone {
        Zone::Naive => return Ok(None),
        Zone::Utc => return Ok(Some(PyTzInfo::utc(py)?.to_owned())),
        Zone::Fixed(micros) => known::TIMEZONE.load(py)?.call1((offset(py, micros)?,))?,
        Zone::Named(micros, name) => known::TIMEZONE
            .load(py)?
            .call1((offset(py, micros)?, wtf8_text(&PyBytes::new(py, name))?))?,
        Zone::Database(key) => {
            let key = wtf8_text(&PyBytes::new(py, key))?;
            known::ZONE_INFO
                .load(py)?
                .call1((key,))
                .map_err(|error| Trouble::raised("ZoneInfo", error))?
        }
    };
    Ok(Some(made.cast_into().map_err(PyErr::from)?))
}

fn offset(py: Python<'_>, micros: i64) -> PyResult<Bound<'_, PyDelta>> {
    // Less than a day of microseconds, as days of -1 or 0 and what is over.
    let (days, rest) = (
        micros.div_euclid(86_400_000_000),
        micros.rem_euclid(86_400_000_000),
    );
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    PyDelta::new(py, days as i32, seconds as i32, micros as i32, false)
}

fn broken(why: Broken) -> Trouble {
    Trouble::broken(why, 0)
}

fn nothing_left(bytes: &[u8]) -> Outcome {
    if bytes.is_empty() {
        Ok(())
    } else {
        Err(broken(Broken::Long))
    }
}
