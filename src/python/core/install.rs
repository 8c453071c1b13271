//! Putting the hot path onto a class, and what it falls back to.

use super::Core;
use super::hot::{assign, contains, get, set, subscript};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use std::ffi::{CStr, c_int};

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

/// As [`install`] for a class of caches whose entries leave the process: `get` and `cache[k]`, whose slow ways are the
/// methods `_read` and `_beyond` of the class. The interpreter would go by a `__getitem__` written in Python and not ask.
#[pyfunction]
pub(super) fn install_far(class: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class.py();
    if !class.is_subclass(&py.get_type::<Core>())? {
        return Err(pyo3::exceptions::PyTypeError::new_err(
            "install_far: a class below Core",
        ));
    }
    let object = class.as_type_ptr();
    // SAFETY: as for `install`. The slot is patched last, for setting `__getitem__` puts the interpreter's own there.
    unsafe {
        let read = ffi::PyMethodDefPointer {
            PyCFunctionFastWithKeywords: get,
        };
        let flags = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
        add_method(class, c"get", read, flags, super::docs::GET)?;
        let read = ffi::PyMethodDefPointer {
            PyCFunction: subscript,
        };
        add_method(class, c"__getitem__", read, ffi::METH_O, super::docs::ITEM)?;
        (*(*object).tp_as_mapping).mp_subscript = Some(subscript);
        ffi::PyType_Modified(object);
    }
    Ok(())
}

/// Gives `class` a method.
///
/// # Safety
/// `function` is what `flags` say.
unsafe fn add_method(
    class: &Bound<'_, PyType>,
    name: &'static CStr,
    function: ffi::PyMethodDefPointer,
    flags: c_int,
    doc: &'static CStr,
) -> PyResult<()> {
    // The interpreter keeps a pointer to the definition for as long as the class lives: for ever.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: function,
        ml_flags: flags,
        ml_doc: doc.as_ptr(),
    }));
    // SAFETY: the class is alive, the definition stays, and the thread is attached.
    let method = unsafe {
        Bound::from_owned_ptr_or_err(
            class.py(),
            ffi::PyDescr_NewMethod(class.as_type_ptr(), definition),
        )?
    };
    class.setattr(name.to_str().expect("ASCII"), method)
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
            let function = ffi::PyMethodDefPointer {
                PyCFunctionFastWithKeywords: function,
            };
            add_method(
                class,
                name,
                function,
                ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
                doc,
            )?;
        }
        ffi::PyType_Modified(object);
    }
    Ok(())
}
