//! Why a value cannot be written, or bytes cannot be read: where, what that is, and what to do.

use pyo3::exceptions::{PyException, PyMemoryError};
use pyo3::prelude::*;

use crate::pack::{Broken, MAX_DEPTH};
use crate::python::keys::known;

pyo3::import_exception!(omnicache.exceptions, CacheSerializationError);

/// What stops the writing or the reading of a value. One pointer, so that the way of success carries no more.
pub(super) struct Trouble(Box<Story>);

struct Story {
    /// From the part outwards: each step is `[2]`, `["user"]`, and the address of the container it leads out of.
    steps: Vec<(String, usize)>,
    kind: Kind,
}

enum Kind {
    /// A part about which this is true: a sentence without its subject, and what to do.
    Unwritable(String, String),
    /// A part with too many containers around it, perhaps because one contains itself.
    Deep,
    /// Bytes that are not a value, up to this place.
    Broken(Broken, usize),
    /// An exception out of the interpreter or out of the user's code, called as this.
    Python(&'static str, PyErr),
}

/// The outcome of writing or reading a part.
pub(super) type Outcome<T = ()> = Result<T, Trouble>;

/// A path of more than twice as many steps is cut in the middle: the ends say where to look.
const SHOWN: usize = 8;

impl Trouble {
    fn of(kind: Kind) -> Self {
        Self(Box::new(Story {
            steps: Vec::new(),
            kind,
        }))
    }

    /// A part about which `what` is true.
    #[cold]
    pub(super) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(Kind::Unwritable(what.into(), advice.into()))
    }

    /// A part that is too many containers down.
    #[cold]
    pub(super) fn deep() -> Self {
        Self::of(Kind::Deep)
    }

    /// Bytes that are not a value.
    #[cold]
    pub(super) fn broken(why: Broken, at: usize) -> Self {
        Self::of(Kind::Broken(why, at))
    }

    /// An exception of what was called as `what`.
    #[cold]
    pub(super) fn raised(what: &'static str, error: PyErr) -> Self {
        Self::of(Kind::Python(what, error))
    }

    /// This, seen from one container further out.
    #[cold]
    pub(super) fn within(
        mut self,
        container: &Bound<'_, PyAny>,
        step: impl FnOnce() -> String,
    ) -> Self {
        self.0.steps.push((step(), container.as_ptr().addr()));
        self
    }

    /// The exception to raise for a value that cannot be written.
    pub(super) fn unwritable(self, py: Python<'_>) -> PyErr {
        let (steps, mut until) = (self.0.steps, 0);
        let (problem, cause) = match self.0.kind {
            Kind::Unwritable(what, advice) => (format!("{what}; {advice}"), None),
            Kind::Deep => match cycle(&steps) {
                Some((start, end)) => {
                    until = end;
                    let what = format!(
                        "is the same object as value{}, so it contains itself; store a finite tree, such as ids in \
                         place of the objects",
                        path(&steps[start..])
                    );
                    (what, None)
                }
                None => {
                    let what = format!(
                        "is nested more than {MAX_DEPTH} deep; store a flatter value, such as a list of its parts"
                    );
                    (what, None)
                }
            },
            Kind::Broken(why, _) => (format!("cannot be written: {why}"), None),
            Kind::Python(what, error) => {
                if passes(py, &error) {
                    return error;
                }
                let class = known::shown(&error.get_type(py));
                (
                    format!("cannot be written: {what} raised {class}: {error}"),
                    Some(error),
                )
            }
        };
        let error = CacheSerializationError::new_err((problem, path(&steps[until..])));
        error.set_cause(py, cause);
        error
    }

    /// The exception to raise for bytes that cannot be read.
    pub(super) fn unreadable(self, py: Python<'_>, len: usize) -> PyErr {
        let (why, cause) = match self.0.kind {
            Kind::Unwritable(what, advice) => (format!("a part {what}; {advice}"), None),
            Kind::Deep => (Broken::Deep.to_string(), None),
            Kind::Broken(why, at) => (format!("{why}, at byte {at}"), None),
            Kind::Python(what, error) => {
                if passes(py, &error) {
                    return error;
                }
                let class = known::shown(&error.get_type(py));
                (format!("{what} raised {class}: {error}"), Some(error))
            }
        };
        let error = CacheSerializationError::new_err(format!(
            "these {len} bytes are not a value that the native serializer wrote: {why}"
        ));
        error.set_cause(py, cause);
        error
    }
}

impl From<PyErr> for Trouble {
    fn from(error: PyErr) -> Self {
        Trouble::raised("Python", error)
    }
}

/// Whether an exception has nothing to do with the value.
fn passes(py: Python<'_>, error: &PyErr) -> bool {
    !error.is_instance_of::<PyException>(py) || error.is_instance_of::<PyMemoryError>(py)
}

/// The outermost container that is in itself: the steps that lead to it from outside, and again from within, start at
/// these places.
fn cycle(steps: &[(String, usize)]) -> Option<(usize, usize)> {
    // Outermost last. The container that step `at` leads out of is reached by the steps after `at`.
    (0..steps.len()).rev().find_map(|inner| {
        let outer = (inner + 1..steps.len())
            .rev()
            .find(|outer| steps[*outer].1 == steps[inner].1)?;
        Some((outer + 1, inner + 1))
    })
}

/// The steps as text, outermost first.
fn path(steps: &[(String, usize)]) -> String {
    let count = steps.len();
    let mut path = String::new();
    for (at, (step, _)) in steps.iter().rev().enumerate() {
        if count <= 2 * SHOWN || at < SHOWN || at >= count - SHOWN {
            path.push_str(step);
        } else if at == SHOWN {
            path.push_str("...");
        }
    }
    path
}
