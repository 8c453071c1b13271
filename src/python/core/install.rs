//! Putting the hot path onto a class, and what it falls back to.

use super::Core;
use super::hot::{assign, contains, get, set, subscript};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// What pyo3 made, for all that the hot path leaves to it.
pub(super) struct Slow {
    pub(super) get: Py<PyAny>,
    pub(super) set: Py<PyAny>,
    pub(super) subscript: ffi::binaryfunc,
    pub(super) assign: ffi::objobjargproc,
    pub(super) contains: ffi::objobjproc,
}

static SLOW: PyOnceLock<Slow> = PyOnceLock::new();

pub(super) fn slow<'a>(py: Python<'_>) -> &'a Slow {
    SLOW.get(py)
        .expect("the hot path is installed after what it falls back to is known")
}

/// Puts the hot path onto `class`, which is `Core` or a class below it that overrides none of these methods.
#[pyfunction]
pub(super) fn install(class: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class.py();
    let core = py.get_type::<Core>();
    if !class.is_subclass(&core)? {
        return Err(pyo3::exceptions::PyTypeError::new_err(
            "install: a class below Core",
        ));
    }
    let object = class.as_type_ptr();
    // SAFETY: both are heap types of live classes whose slot tables pyo3 or the interpreter filled in; they are patched
    // while the GIL is held, before an instance can be used, and the interpreter is told of it.
    unsafe {
        let native = core.as_type_ptr();
        SLOW.get_or_try_init(py, || {
            let filled = "pyo3 fills the slot of a special method that Core has";
            PyResult::Ok(Slow {
                get: core.getattr("get")?.unbind(),
                set: core.getattr("set")?.unbind(),
                subscript: (*(*native).tp_as_mapping).mp_subscript.expect(filled),
                assign: (*(*native).tp_as_mapping).mp_ass_subscript.expect(filled),
                contains: (*(*native).tp_as_sequence).sq_contains.expect(filled),
            })
        })?;
        (*(*object).tp_as_mapping).mp_subscript = Some(subscript);
        (*(*object).tp_as_mapping).mp_ass_subscript = Some(assign);
        (*(*object).tp_as_sequence).sq_contains = Some(contains);
        for (name, function, doc) in [
            (
                c"get",
                get as ffi::PyCFunctionFastWithKeywords,
                super::docs::GET,
            ),
            (c"set", set, super::docs::SET),
        ] {
            // The interpreter keeps a pointer to the definition for as long as the class lives: for ever.
            let definition = Box::leak(Box::new(ffi::PyMethodDef {
                ml_name: name.as_ptr(),
                ml_meth: ffi::PyMethodDefPointer {
                    PyCFunctionFastWithKeywords: function,
                },
                ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
                ml_doc: doc.as_ptr(),
            }));
            let method =
                Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(object, definition))?;
            class.setattr(name.to_str().expect("ASCII"), method)?;
        }
        ffi::PyType_Modified(object);
    }
    Ok(())
}
