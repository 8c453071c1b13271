//! The enums that a native serializer was given, each under its name.

use pyo3::PyTraverseError;
use pyo3::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::encode::Encoder;
use super::error::{Outcome, Trouble};
use crate::pack::ext;
use crate::python::keys::known;
use crate::python::units::CacheConfigError;

/// Enum classes by `module:Qualified.name`.
#[derive(Default)]
pub(super) struct Enums(Vec<(Py<PyType>, String)>);

impl Enums {
    /// These classes; `CacheConfigError` for one that is no enum, or has the name of another.
    pub(super) fn new(classes: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut known: Vec<(Py<PyType>, String)> = Vec::new();
        for class in classes {
            let shown = || {
                class.repr().map_or_else(
                    |_| "an object".to_owned(),
                    |repr| repr.to_string_lossy().into_owned(),
                )
            };
            let class = match class.cast::<PyType>() {
                Ok(class) if known::ENUM.is_base_of(class) => class,
                _ => {
                    let message = format!("enums: {} is not an Enum class", shown());
                    return Err(CacheConfigError::new_err(message));
                }
            };
            let name = format!("{}:{}", class.module()?, class.qualname()?);
            match known.iter().find(|(_, other)| *other == name) {
                Some((same, _)) if same.is(class) => {}
                Some(_) => {
                    let message = format!("enums: there are two classes named {name}");
                    return Err(CacheConfigError::new_err(message));
                }
                None => known.push((class.clone().unbind(), name)),
            }
        }
        Ok(Self(known))
    }

    /// The classes.
    pub(super) fn classes<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyType>> {
        self.0
            .iter()
            .map(|(class, _)| class.bind(py).clone())
            .collect()
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|(class, _)| visit.call(class))
    }

    fn name(&self, class: &Bound<'_, PyType>) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.is(class))?;
        Some(&found.1)
    }

    /// The class of this name.
    pub(super) fn class<'py>(&self, py: Python<'py>, name: &str) -> Option<&Bound<'py, PyType>> {
        let found = self.0.iter().find(|(_, known)| known == name)?;
        Some(found.0.bind(py))
    }
}

impl<'py> Encoder<'py, '_> {
    /// Writes a member of an enum by its name, and a combination of flags by its value.
    pub(super) fn member(
        &mut self,
        obj: &Bound<'py, PyAny>,
        class: &Bound<'py, PyType>,
        depth: u32,
    ) -> Outcome {
        let py = self.py;
        let Some(name) = self.enums.name(class) else {
            let shown = known::shown(class);
            return Err(Trouble::new(
                format!(
                    "is a member of the enum {shown}, which the native serializer was not given"
                ),
                format!(
                    "make it with Native(enums=[{}]), or store its value",
                    class.name()?
                ),
            ));
        };
        let len = self.length(name.len())?;
        let frame = self.out.open(ext::ENUM);
        self.out.str(name.as_bytes(), len);
        let name = obj.getattr(intern!(py, "_name_"))?;
        // A combination of flags has no name, or one made up by this version of Python: its value says what it is.
        let made_up = name.is_none()
            || known::FLAG.is_base_of(class)
                && name
                    .cast::<PyString>()
                    .is_ok_and(|name| name.to_string_lossy().contains('|'));
        let known_by = if made_up {
            obj.getattr(intern!(py, "_value_"))?
        } else {
            name
        };
        self.value(&known_by, depth + 1)?;
        self.out.close(frame);
        Ok(())
    }
}
