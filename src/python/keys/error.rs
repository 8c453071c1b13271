//! Why an object cannot be a key: which part of it, what that is, and what to do.

use std::fmt::Write as _;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// What stops an encoding.
pub(super) enum Problem {
    /// A part that cannot be used.
    Unusable(Box<Unusable>),
    /// Something that has nothing to do with keys: `KeyboardInterrupt`, no memory.
    Python(PyErr),
}

/// A part that cannot be used.
pub(super) struct Unusable {
    /// From the part outwards: each step is `[2]`, `["user"]`, `.field`.
    path: Vec<String>,
    /// The rest of the sentence that starts with the path.
    what: String,
    /// What to do.
    advice: String,
    cause: Option<PyErr>,
}

/// A path of more than twice as many steps is cut in the middle: the ends say where to look.
const SHOWN: usize = 8;

/// The outcome of encoding a part.
pub(super) type Outcome<T = ()> = Result<T, Problem>;

impl Problem {
    /// A part about which `what` is true: a sentence without its subject.
    pub(super) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Unusable(Box::new(Unusable {
            path: Vec::new(),
            what: what.into(),
            advice: advice.into(),
            cause: None,
        }))
    }

    /// A part whose own code, called as `what`, raised `error`.
    pub(super) fn raised(py: Python<'_>, what: &str, error: PyErr) -> Self {
        if !error.is_instance_of::<PyException>(py) {
            return Self::Python(error);
        }
        let name = error
            .get_type(py)
            .name()
            .map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
        Self::Unusable(Box::new(Unusable {
            path: Vec::new(),
            what: format!("cannot be encoded: {what} raised {name}"),
            advice: "The exception is the cause of this one.".to_owned(),
            cause: Some(error),
        }))
    }

    /// This problem, seen from one container further out.
    pub(super) fn within(mut self, step: impl FnOnce() -> String) -> Self {
        if let Self::Unusable(part) = &mut self {
            part.path.push(step());
        }
        self
    }

    /// The exception to raise.
    pub(super) fn into_py_err(self, py: Python<'_>) -> PyErr {
        let part = match self {
            Self::Python(error) => return error,
            Self::Unusable(part) => part,
        };
        let mut message = String::from("key");
        let steps = part.path.len();
        for (at, step) in part.path.iter().rev().enumerate() {
            if steps <= 2 * SHOWN || at < SHOWN || at >= steps - SHOWN {
                message.push_str(step);
            } else if at == SHOWN {
                message.push_str("...");
            }
        }
        let _ = write!(message, " {}. {}", part.what, part.advice);
        match invalid_key_error(py) {
            Ok(class) => {
                let error = PyErr::from_type(class.clone(), message);
                error.set_cause(py, part.cause);
                error
            }
            Err(error) => error,
        }
    }
}

impl From<PyErr> for Problem {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

fn invalid_key_error(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "omnicache.exceptions", "InvalidKeyError")
}
