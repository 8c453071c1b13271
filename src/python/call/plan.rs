//! How the arguments of a call become the parts of a key: the signature, as the native call needs it.

use pyo3::ffi::{self, PyObject};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use smallvec::SmallVec;

/// How an argument takes part in the key.
pub(super) enum Take {
    /// As it is.
    Value,
    /// Not at all.
    Skip,
    /// As the instance that it is, not as what it equals.
    Owner,
    /// By what this function makes of it.
    By(Py<PyAny>),
}

/// A parameter that is not `*args` or `**kwargs`.
pub(super) struct Parameter {
    name: Py<PyString>,
    default: Option<Py<PyAny>>,
    pub(super) take: Take,
}

/// A signature.
pub(super) struct Plan {
    /// Those that can be given by position, then those that can only be named.
    pub(super) parameters: Box<[Parameter]>,
    /// How many can be given by position.
    pub(super) positional: usize,
    /// How many of these cannot be named.
    nameless: usize,
    /// `*args`.
    pub(super) rest: Option<Take>,
    /// `**kwargs`.
    pub(super) named: Option<Take>,
    /// Makes the key, in place of all of the above.
    pub(super) key: Option<Py<PyAny>>,
    /// Nothing but values, after an instance if there is an owner, and not more than [`QUICK`].
    pub(super) quick: bool,
    /// Whether the first parameter is an instance.
    pub(super) owner: bool,
}

/// As many parameters as a quick call may have.
pub(super) const QUICK: usize = 8;

/// What did not go to a parameter of its own.
#[derive(Default)]
pub(super) struct Others {
    /// Where `*args` starts among the arguments by position.
    pub(super) from: usize,
    /// `**kwargs`: name and value.
    pub(super) named: SmallVec<[(*mut PyObject, *mut PyObject); 4]>,
}

impl Plan {
    /// Reads `(parameters, positional, nameless, rest, named, key)`, where a parameter is `(name, take)` or
    /// `(name, take, default)`; a take is `"value"`, `"skip"`, `"owner"` or a function.
    pub(super) fn read(plan: &Bound<'_, PyTuple>) -> PyResult<Self> {
        type Raw<'py> = (
            Vec<Bound<'py, PyTuple>>,
            usize,
            usize,
            Option<Bound<'py, PyAny>>,
            Option<Bound<'py, PyAny>>,
            Option<Py<PyAny>>,
        );
        let (parameters, positional, nameless, rest, named, key): Raw<'_> = plan.extract()?;
        let parameters = parameters
            .iter()
            .map(|parameter| {
                let name = parameter.get_item(0)?.cast_into::<PyString>()?;
                let name = PyString::intern(name.py(), &name.to_string_lossy());
                Ok(Parameter {
                    name: name.unbind(),
                    default: parameter.get_item(2).ok().map(Bound::unbind),
                    take: take(&parameter.get_item(1)?),
                })
            })
            .collect::<PyResult<Box<[_]>>>()?;
        let rest = rest.map(|rest| take(&rest));
        let named = named.map(|named| take(&named));
        let owner = matches!(
            parameters.first(),
            Some(Parameter {
                take: Take::Owner,
                ..
            })
        );
        let quick = parameters.len() <= QUICK
            && key.is_none()
            && rest.is_none()
            && named.is_none()
            && parameters[usize::from(owner)..]
                .iter()
                .all(|parameter| matches!(parameter.take, Take::Value));
        Ok(Self {
            parameters,
            positional,
            nameless,
            rest,
            named,
            key,
            quick,
            owner,
        })
    }

    /// Binds arguments as the interpreter passes them to one slot for each parameter, empty until now; whether they
    /// fit. The slots borrow from the call and from the defaults.
    ///
    /// # Safety
    /// `args` holds `count` arguments by position and one for each of `names`, which is null or a tuple of str.
    #[inline]
    pub(super) unsafe fn bind(
        &self,
        args: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
        slots: &mut [*mut PyObject],
        others: &mut Others,
    ) -> bool {
        let given = count.min(self.positional);
        if count > self.positional && self.rest.is_none() {
            return false;
        }
        others.from = given;
        // SAFETY: the caller's promise.
        unsafe {
            slots[..given].copy_from_slice(super::parts::slice(args, given));
            if !names.is_null() {
                for at in 0..ffi::PyTuple_GET_SIZE(names) {
                    let name = ffi::PyTuple_GET_ITEM(names, at);
                    let value = *args.add(count + at.unsigned_abs());
                    match self.find(name) {
                        Some(to) if slots[to].is_null() => slots[to] = value,
                        None if self.named.is_some() => others.named.push((name, value)),
                        _ => return false,
                    }
                }
            }
        }
        for (slot, parameter) in slots.iter_mut().zip(&self.parameters).skip(given) {
            if slot.is_null() {
                match &parameter.default {
                    Some(default) => *slot = default.as_ptr(),
                    None => return false,
                }
            }
        }
        true
    }

    /// The parameter of this name. Names are interned nearly always, so that identity is tried for all of them first.
    #[inline]
    unsafe fn find(&self, name: *mut PyObject) -> Option<usize> {
        let nameable = &self.parameters[self.nameless..];
        let at = nameable
            .iter()
            .position(|parameter| parameter.name.as_ptr() == name)
            .or_else(|| {
                nameable.iter().position(|parameter| {
                    // SAFETY: both are live str; comparing them runs no Python code and cannot fail.
                    unsafe { ffi::PyUnicode_Compare(parameter.name.as_ptr(), name) == 0 }
                })
            })?;
        Some(at + self.nameless)
    }

    /// Shows the garbage collector what is held.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let by = |take: &Take| match take {
            Take::By(function) => visit.call(function),
            Take::Value | Take::Skip | Take::Owner => Ok(()),
        };
        for parameter in &self.parameters {
            visit.call(&parameter.default)?;
            by(&parameter.take)?;
        }
        self.rest.as_ref().map_or(Ok(()), by)?;
        self.named.as_ref().map_or(Ok(()), by)?;
        visit.call(&self.key)
    }
}

fn take(word: &Bound<'_, PyAny>) -> Take {
    let Ok(word) = word.cast::<PyString>() else {
        return Take::By(word.clone().unbind());
    };
    match &*word.to_string_lossy() {
        "skip" => Take::Skip,
        "owner" => Take::Owner,
        _ => Take::Value,
    }
}
