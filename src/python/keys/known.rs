//! Types of the standard library, looked up when first needed; and the names of types, functions and parts.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyString, PyType};

use super::error::{Outcome, Problem};

/// A type of the standard library by name.
pub(crate) struct Known {
    module: &'static str,
    name: &'static str,
    class: PyOnceLock<Py<PyType>>,
}

pub(crate) static DECIMAL: Known = Known::new("decimal", "Decimal");
pub(crate) static ENUM: Known = Known::new("enum", "Enum");
pub(crate) static FLAG: Known = Known::new("enum", "Flag");
pub(super) static PARTIAL: Known = Known::new("functools", "partial");
pub(super) static POSIX_PATH: Known = Known::new("pathlib", "PosixPath");
pub(crate) static PURE_PATH: Known = Known::new("pathlib", "PurePath");
pub(super) static PURE_POSIX_PATH: Known = Known::new("pathlib", "PurePosixPath");
pub(super) static PURE_WINDOWS_PATH: Known = Known::new("pathlib", "PureWindowsPath");
pub(crate) static SAFE_UUID: Known = Known::new("uuid", "SafeUUID");
pub(crate) static TIMEZONE: Known = Known::new("datetime", "timezone");
pub(crate) static UUID: Known = Known::new("uuid", "UUID");
pub(super) static WINDOWS_PATH: Known = Known::new("pathlib", "WindowsPath");
pub(crate) static ZONE_INFO: Known = Known::new("zoneinfo", "ZoneInfo");

impl Known {
    const fn new(module: &'static str, name: &'static str) -> Self {
        Self {
            module,
            name,
            class: PyOnceLock::new(),
        }
    }

    /// The type, its module imported if need be.
    pub(crate) fn load<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyType>> {
        self.class.import(py, self.module, self.name)
    }

    /// The type if its module is imported: before that, no object can be an instance of it.
    fn loaded<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyType>> {
        if let Some(class) = self.class.get(py) {
            return Some(class.bind(py));
        }
        let class = loaded_module(&PyString::new(py, self.module))?
            .getattr(self.name)
            .ok()?;
        let class = class.cast_into::<PyType>().ok()?;
        Some(self.class.get_or_init(py, || class.unbind()).bind(py))
    }

    /// Whether `class` is this type.
    pub(crate) fn is(&self, class: &Bound<'_, PyType>) -> bool {
        self.loaded(class.py()).is_some_and(|known| known.is(class))
    }

    /// Whether `class` is this type or derived from it. Runs no `__subclasscheck__`.
    pub(crate) fn is_base_of(&self, class: &Bound<'_, PyType>) -> bool {
        self.loaded(class.py())
            .is_some_and(|known| is_subtype(class, known))
    }
}

/// Whether `base` is in the method resolution order of `class`.
fn is_subtype(class: &Bound<'_, PyType>, base: &Bound<'_, PyType>) -> bool {
    // SAFETY: both are live types; the call reads the method resolution order and runs no Python code.
    unsafe { ffi::PyType_IsSubtype(class.as_type_ptr(), base.as_type_ptr()) != 0 }
}

/// The module of this name if it is imported.
fn loaded_module<'py>(name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: a new reference, or null with or without an error, which is taken away here.
    let module =
        unsafe { Bound::from_owned_ptr_or_opt(name.py(), ffi::PyImport_GetModule(name.as_ptr())) };
    if module.is_none() {
        PyErr::take(name.py());
    }
    module
}

/// Whether a class of the user's in the method resolution order of `class` defines this name.
///
/// Looks into the dicts of the types: asking for an attribute that is missing makes an exception, which is slow, and
/// may run a metaclass's `__getattr__`.
pub(crate) fn defines(class: &Bound<'_, PyType>, name: &Bound<'_, PyString>) -> bool {
    class.mro().iter().any(|base| {
        let base = base.as_ptr().cast::<ffi::PyTypeObject>();
        // SAFETY: the items of a method resolution order are live types. The dict of a type that is compiled into the
        // interpreter may be null: these define none of our names. A str as key runs no Python code; an error, of
        // which none is known, is taken away.
        unsafe {
            let dict = (*base).tp_dict;
            match if dict.is_null() {
                0
            } else {
                ffi::PyDict_Contains(dict, name.as_ptr())
            } {
                -1 => {
                    PyErr::take(class.py());
                    false
                }
                found => found == 1,
            }
        }
    })
}

/// The attribute of this name of a type, if a class of the user's defines it.
pub(super) fn attribute<'py>(
    class: &Bound<'py, PyType>,
    name: &Bound<'py, PyString>,
) -> Option<Bound<'py, PyAny>> {
    if defines(class, name) {
        class.getattr(name).ok()
    } else {
        None
    }
}

/// `module:qualified.name` of a type, as the bytes of a key have it.
pub(super) fn type_name(class: &Bound<'_, PyType>) -> Outcome<String> {
    let (module, name) = (class.module()?, class.qualname()?);
    match (module.to_str(), name.to_str()) {
        (Ok(module), Ok(name)) => Ok(format!("{module}:{name}")),
        _ => Err(Problem::new(
            "is of a type whose name is not text",
            "Give the type another name.",
        )),
    }
}

/// The name of a type as messages show it.
pub(crate) fn shown(class: &Bound<'_, PyType>) -> String {
    class.fully_qualified_name().map_or_else(
        |_| "object".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// How to get to the value of `key` in a dict.
pub(crate) fn step(key: &Bound<'_, PyAny>) -> String {
    if let Ok(text) = key.cast_exact::<PyString>() {
        format!("[\"{}\"]", text.to_string_lossy())
    } else if key.is_exact_instance_of::<PyInt>() {
        format!(
            "[{}]",
            key.repr()
                .map_or_else(|_| "...".to_owned(), |repr| repr.to_string())
        )
    } else {
        format!("[<{}>]", shown(&key.get_type()))
    }
}

/// `module:qualified.name` of a class or function that can be found by that name.
pub(super) fn reference_name(obj: &Bound<'_, PyAny>, noun: &str) -> Outcome<String> {
    let text = |name: &str| obj.getattr(name).ok()?.extract::<String>().ok();
    let advice =
        "Define it at the top level of its module, or use something else that identifies it.";
    let (Some(module), Some(name)) = (text("__module__"), text("__qualname__")) else {
        return Err(Problem::new(format!("is a {noun} without a name"), advice));
    };
    if name.contains("<lambda>") {
        return Err(Problem::new(
            "is a lambda, and lambdas have no name that tells them apart",
            advice,
        ));
    }
    if name.contains("<locals>") {
        let what =
            format!("is the {noun} {name}, made anew by each call of the function around it");
        return Err(Problem::new(what, advice));
    }
    let found = obj.cast::<PyType>().is_ok_and(is_immutable)
        || find(obj.py(), &module, &name).is_some_and(|found| found.is(obj));
    if !found {
        let what =
            format!("is a {noun} that calls itself {module}.{name}, but that name is not it");
        return Err(Problem::new(what, advice));
    }
    Ok(format!("{module}:{name}"))
}

fn find<'py>(py: Python<'py>, module: &str, name: &str) -> Option<Bound<'py, PyAny>> {
    let start = loaded_module(&PyString::new(py, module))?;
    name.split('.')
        .try_fold(start, |at, step| at.getattr(step).ok())
}

/// Whether `class` is compiled, so that no attribute can be set on it. Such types need not be found by their names: some,
/// as `NoneType`, are not in the module they name.
pub(super) fn is_immutable(class: &Bound<'_, PyType>) -> bool {
    // SAFETY: a live type.
    unsafe { ffi::PyType_GetFlags(class.as_type_ptr()) & ffi::Py_TPFLAGS_IMMUTABLETYPE != 0 }
}
