//! Dates, times, zones and time differences.

use pyo3::prelude::*;
use pyo3::types::{
    PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyString, PyTime, PyTimeAccess,
    PyTzInfo, PyTzInfoAccess,
};

use super::encode::{Encoder, surrogates};
use super::error::{Outcome, Problem};
use super::known;
use crate::key::{Clock, Date, Text, Zone, ZoneKind};

const DAY: i64 = 86_400_000_000;

impl<'py> Encoder<'py> {
    /// Writes a datetime, date, time, timedelta or the base value of a subclass; `None` if it is neither.
    pub(super) fn moment(&mut self, obj: &Bound<'py, PyAny>) -> Option<Outcome> {
        if let Ok(moment) = obj.cast::<PyDateTime>() {
            Some(zone(obj, moment.get_tzinfo(), true).map(|zone| {
                self.out
                    .datetime(date(moment), clock(moment), zone.as_ref());
            }))
        } else if let Ok(day) = obj.cast::<PyDate>() {
            self.out.date(date(day));
            Some(Ok(()))
        } else if let Ok(time) = obj.cast::<PyTime>() {
            Some(
                zone(obj, time.get_tzinfo(), false)
                    .map(|zone| self.out.time(clock(time), zone.as_ref())),
            )
        } else if let Ok(delta) = obj.cast::<PyDelta>() {
            self.out.timedelta(micros(delta));
            Some(Ok(()))
        } else {
            None
        }
    }
}

/// Whether `obj` is of exactly one of these types.
pub(super) fn is_exact(obj: &Bound<'_, PyAny>) -> bool {
    obj.is_exact_instance_of::<PyDateTime>()
        || obj.is_exact_instance_of::<PyDate>()
        || obj.is_exact_instance_of::<PyDelta>()
        || obj.is_exact_instance_of::<PyTime>()
}

/// The microseconds of a time difference.
pub(super) fn micros(delta: &Bound<'_, PyDelta>) -> i128 {
    i128::from(delta.get_days()) * i128::from(DAY)
        + i128::from(delta.get_seconds()) * 1_000_000
        + i128::from(delta.get_microseconds())
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

/// The zone of `obj`; a tzinfo is asked about a datetime, or about no day in particular.
fn zone<'py>(
    obj: &Bound<'py, PyAny>,
    tzinfo: Option<Bound<'py, PyTzInfo>>,
    dated: bool,
) -> Outcome<Option<Zone>> {
    let Some(tzinfo) = tzinfo else {
        return Ok(None);
    };
    let py = obj.py();
    let subject = dated.then_some(obj);
    let ask = |method: &str| {
        tzinfo
            .call_method1(method, (subject,))
            .map_err(|error| Problem::raised(py, &format!("tzinfo.{method}"), error))
    };
    let offset = ask("utcoffset")?;
    let offset = if offset.is_none() {
        None
    } else {
        let micros = offset
            .cast::<PyDelta>()
            .ok()
            .and_then(|delta| i64::try_from(micros(delta)).ok());
        let Some(micros) = micros.filter(|micros| (1 - DAY..DAY).contains(micros)) else {
            return Err(Problem::new(
                "has a tzinfo whose utcoffset() is not a timedelta of less than a day",
                "Use datetime.timezone or zoneinfo.ZoneInfo.",
            ));
        };
        Some(micros)
    };
    let class = tzinfo.get_type();
    let key = if known::ZONE_INFO.is_base_of(&class) {
        tzinfo.getattr("key").ok()
    } else {
        None
    };
    let (kind, name) = match key.filter(|key| !key.is_none()) {
        Some(key) => (ZoneKind::Database, key),
        None if known::TIMEZONE.is(&class) => (ZoneKind::Fixed, ask("tzname")?),
        None => (ZoneKind::Other, ask("tzname")?),
    };
    let bytes = match name.cast::<PyString>() {
        Ok(name) => match name.to_str() {
            Ok(name) => name.as_bytes().to_vec(),
            Err(_) => surrogates(name)?.as_bytes().to_vec(),
        },
        Err(_) => Vec::new(), // a tzinfo may have no name
    };
    let name = Text::from_wtf8(bytes).unwrap_or_else(|| Text::from(""));
    Ok(Some(Zone { kind, offset, name }))
}
