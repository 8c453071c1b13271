//! From the arguments of a write to the terms of an entry.

use super::{Core, flag};
use crate::clock::NEVER;
use crate::entry::{Life, NORMAL};
use crate::python::sentinel::is_default;
use crate::python::units;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

pyo3::import_exception!(omnicache.exceptions, CacheConfigError);

/// What entries of a cache live by unless the call says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub(super) life: Life,
    /// How long past their ttl they may be served while a refresh runs, and how long when a loader fails: `life` has the
    /// longer of the two.
    pub(super) windows: (u64, u64),
    /// The part of the ttl that chance may take off.
    pub(super) jitter: f64,
    /// The part of the ttl after which a refresh is due.
    pub(super) refresh_at: Option<f64>,
}

/// When a value asks for a refresh.
#[derive(Clone, Copy, Debug)]
enum Refresh {
    /// As the cache has it.
    Default,
    /// Never.
    Never,
    /// After this part of its ttl.
    Part(f64),
    /// So many nanoseconds before its end.
    Lead(u64),
}

/// An argument that tells apart what was not given from None.
pub(super) struct Given<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Given<'py> {
    /// Not given.
    pub(super) const ABSENT: Self = Self(None);

    /// What was given; `DEFAULT` is the same as nothing.
    pub(super) fn get(&self) -> Option<&Bound<'py, PyAny>> {
        self.0.as_ref().filter(|value| !is_default(value))
    }

    /// What was given, whatever it is.
    pub(super) fn into_inner(self) -> Option<Bound<'py, PyAny>> {
        self.0
    }
}

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = std::convert::Infallible;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Self::Error> {
        Ok(Self(Some(value.to_owned())))
    }
}

/// What every write takes besides key and value.
pub(super) struct Arguments<'py> {
    pub(super) ttl: Given<'py>,
    pub(super) tags: Vec<Box<str>>,
    pub(super) priority: f32,
    idle: Option<u64>,
    stale: Option<u64>,
    stale_on_error: Option<u64>,
    jitter: Option<f64>,
    refresh: Refresh,
}

impl<'py> Arguments<'py> {
    /// Everything as the cache has it.
    pub(super) const NONE: Self = Self {
        ttl: Given::ABSENT,
        tags: Vec::new(),
        priority: NORMAL,
        idle: None,
        stale: None,
        stale_on_error: None,
        jitter: None,
        refresh: Refresh::Default,
    };

    /// Reads the keyword arguments of `method`.
    pub(super) fn read(
        method: &str,
        ttl: Given<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        const NAMES: [&str; 8] = [
            "tags",
            "priority",
            "idle",
            "stale",
            "stale_on_error",
            "jitter",
            "refresh_at",
            "_lead",
        ];
        let mut arguments = Self { ttl, ..Self::NONE };
        for (name, value) in options.into_iter().flatten() {
            let name = name.cast::<PyString>()?.to_string_lossy().into_owned();
            if is_default(&value) && NAMES.contains(&name.as_str()) {
                continue;
            }
            match name.as_str() {
                "tags" => arguments.tags = tags(&value)?,
                "priority" => arguments.priority = fraction(&value, "priority")? as f32,
                "idle" => arguments.idle = Some(nanos(&value, "idle")?.unwrap_or(NEVER)),
                "stale" => arguments.stale = Some(nanos(&value, "stale")?.unwrap_or(0)),
                "stale_on_error" => {
                    arguments.stale_on_error = Some(nanos(&value, "stale_on_error")?.unwrap_or(0));
                }
                "refresh_at" => arguments.refresh = refresh_at(&value)?,
                "_lead" => {
                    arguments.refresh =
                        nanos(&value, "refresh_at")?.map_or(Refresh::Never, Refresh::Lead);
                }
                "jitter" => {
                    arguments.jitter = Some(if value.is_none() {
                        0.0
                    } else {
                        fraction(&value, "jitter")?
                    });
                }
                _ => {
                    let near = NAMES
                        .into_iter()
                        .filter(|known| !known.starts_with('_'))
                        .chain(["ttl"])
                        .min_by_key(|known| strsim::levenshtein(known, &name));
                    return Err(PyTypeError::new_err(format!(
                        "{method}() got an unexpected keyword argument '{name}'; the nearest one is '{}'",
                        near.unwrap_or("ttl")
                    )));
                }
            }
        }
        Ok(arguments)
    }
}

/// Nanoseconds of a duration that is an argument called `name`, nothing for `None`.
pub(super) fn nanos(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<u64>> {
    if value.is_none() {
        return Ok(None);
    }
    let named =
        |error: PyErr| CacheConfigError::new_err(format!("{name}: {}", error.value(value.py())));
    units::nanos(value).map(Some).map_err(named)
}

/// The nanoseconds of a `ttl` argument: `default` if it was not given, for ever if it is `None`.
pub(super) fn read_ttl(ttl: Option<&Bound<'_, PyAny>>, default: u64) -> PyResult<u64> {
    ttl.map_or(Ok(default), |ttl| Ok(nanos(ttl, "ttl")?.unwrap_or(NEVER)))
}

impl Core {
    /// How long a value lives that is written with these arguments.
    pub(super) fn life(&self, arguments: &Arguments<'_>) -> PyResult<Life> {
        let defaults = if self.has(flag::LIFE) {
            *self.defaults.lock()
        } else {
            NO_DEFAULTS
        };
        let ttl = read_ttl(arguments.ttl.get(), defaults.life.ttl)?;
        let jitter = arguments.jitter.unwrap_or(defaults.jitter);
        let ttl = self.jittered(ttl, jitter);
        // Kept as long as anyone may serve it; who may is for the reader to say.
        let stale = arguments.stale.unwrap_or(defaults.windows.0);
        let stale = stale.max(arguments.stale_on_error.unwrap_or(defaults.windows.1));
        let early = match arguments.refresh {
            Refresh::Default => defaults.early(ttl),
            Refresh::Never => NEVER,
            Refresh::Part(part) => portion(ttl, part),
            Refresh::Lead(lead) => early_by(ttl, lead),
        };
        Ok(Life {
            ttl,
            idle: arguments.idle.unwrap_or(defaults.life.idle),
            stale,
            early,
        })
    }

    /// How long a value lives that is written with this ttl, or with the cache's own.
    pub(super) fn life_with(&self, ttl: Option<u64>) -> Life {
        let defaults = *self.defaults.lock();
        let ttl = self.jittered(ttl.unwrap_or(defaults.life.ttl), defaults.jitter);
        Life {
            ttl,
            early: defaults.early(ttl),
            ..defaults.life
        }
    }

    /// A ttl shortened by chance, by at most this part of it.
    #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss)] // a random part of a duration needs no last digit
    fn jittered(&self, ttl: u64, jitter: f64) -> u64 {
        if ttl == NEVER || jitter == 0.0 {
            return ttl;
        }
        let chance = (self.random() >> 11) as f64 / (1u64 << 53) as f64;
        ((ttl as f64 * (1.0 - jitter * chance)) as u64).max(1)
    }

    /// Sets what entries live by unless the call says otherwise; what is not given stays as it is.
    pub(super) fn set_defaults(
        &self,
        ttl: &Given<'_>,
        idle: &Given<'_>,
        stale: &Given<'_>,
        stale_on_error: &Given<'_>,
        jitter: &Given<'_>,
        refresh_at: &Given<'_>,
    ) -> PyResult<()> {
        let mut new = *self.defaults.lock();
        if let Some(ttl) = ttl.get() {
            new.life.ttl = nanos(ttl, "default_ttl")?.unwrap_or(NEVER);
        }
        if let Some(idle) = idle.get() {
            new.life.idle = nanos(idle, "default_idle")?.unwrap_or(NEVER);
        }
        if let Some(stale) = stale.get() {
            new.windows.0 = nanos(stale, "stale")?.unwrap_or(0);
        }
        if let Some(stale) = stale_on_error.get() {
            new.windows.1 = nanos(stale, "stale_on_error")?.unwrap_or(0);
        }
        new.life.stale = new.windows.0.max(new.windows.1);
        if let Some(jitter) = jitter.get() {
            new.jitter = if jitter.is_none() {
                0.0
            } else {
                fraction(jitter, "jitter")?
            };
        }
        if let Some(refresh_at) = refresh_at.get() {
            new.refresh_at = match self::refresh_at(refresh_at)? {
                Refresh::Part(part) => Some(part),
                _ => None,
            };
        }
        *self.defaults.lock() = new;
        let plain = new.life.is_forever() && new.jitter == 0.0 && new.refresh_at.is_none();
        self.set_flag(flag::LIFE, !plain);
        Ok(())
    }

    /// The cache's own ttl.
    pub(super) fn default_ttl(&self) -> u64 {
        self.defaults.lock().life.ttl
    }
}

const NO_DEFAULTS: Defaults = Defaults {
    life: Life::FOREVER,
    windows: (0, 0),
    jitter: 0.0,
    refresh_at: None,
};

impl Defaults {
    /// The age from which on a value with this ttl asks for a refresh.
    fn early(&self, ttl: u64) -> u64 {
        self.refresh_at.map_or(NEVER, |part| portion(ttl, part))
    }
}

/// A part of a ttl.
#[allow(clippy::cast_precision_loss, clippy::cast_sign_loss)] // a part from 0 to 1 of a duration
fn portion(ttl: u64, part: f64) -> u64 {
    if part == 0.0 {
        return 0;
    }
    if ttl == NEVER {
        NEVER
    } else {
        (ttl as f64 * part) as u64
    }
}

/// The age that is `lead` before the end.
fn early_by(ttl: u64, lead: u64) -> u64 {
    if ttl == NEVER {
        NEVER
    } else {
        ttl.saturating_sub(lead)
    }
}

/// When a value asks for a refresh: a part of its ttl, nothing for never; `"auto"` needs the time of a load, which only a
/// load knows.
fn refresh_at(value: &Bound<'_, PyAny>) -> PyResult<Refresh> {
    let auto = value
        .cast::<PyString>()
        .is_ok_and(|text| text.to_string_lossy() == "auto");
    if value.is_none() || auto {
        return Ok(Refresh::Never);
    }
    fraction(value, "refresh_at").map(Refresh::Part)
}

/// Seconds of a duration, `None` for ever.
#[allow(clippy::cast_precision_loss)] // for people: microseconds survive
pub(super) fn seconds(nanos: u64) -> Option<f64> {
    (nanos != NEVER).then_some(nanos as f64 / 1e9)
}

fn fraction(value: &Bound<'_, PyAny>, name: &str) -> PyResult<f64> {
    let number = if value.is_instance_of::<PyBool>() {
        None
    } else {
        value.extract::<f64>().ok()
    };
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| {
            let shown = value
                .repr()
                .map_or_else(|_| "a value".to_owned(), |text| text.to_string());
            CacheConfigError::new_err(format!("{name}: a number from 0 to 1, not {shown}"))
        })
}

/// Tags: strings, and not one string, which would be an iterable of letters.
pub(super) fn tags(value: &Bound<'_, PyAny>) -> PyResult<Vec<Box<str>>> {
    let mut tags: Vec<Box<str>> = Vec::new();
    if value.is_none() {
        return Ok(tags);
    }
    if value.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "tags: an iterable of str, not one str; write tags=[\"name\"]",
        ));
    }
    let no_iterable =
        |_| PyTypeError::new_err("tags: an iterable of str, such as [\"user:1\", \"team:a\"]");
    for tag in value.try_iter().map_err(no_iterable)? {
        let tag = tag?;
        let Ok(text) = tag.cast::<PyString>() else {
            let got = tag.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "tags: each tag is a str, not {got}"
            )));
        };
        let Ok(plain) = text.to_str() else {
            // Two of them could not be told apart.
            return Err(CacheConfigError::new_err(format!(
                "tags: {} is no text: a tag has no lone surrogates",
                text.repr()?
            )));
        };
        let text: Box<str> = plain.into();
        if text.is_empty() {
            return Err(CacheConfigError::new_err("tags: a tag must not be empty"));
        }
        if !tags.contains(&text) {
            tags.push(text);
        }
    }
    Ok(tags)
}
