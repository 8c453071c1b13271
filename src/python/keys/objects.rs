//! Everything that is not an exact builtin: types of the standard library, then types of the user's by what they offer.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyDict, PyFunction, PyModule, PyString, PyTuple, PyType};

use super::encode::{Encoder, surrogates, too_deep};
use super::error::{Outcome, Problem};
use super::known::{self, Known};
use super::moment;
use super::part::KeyPart;
use crate::key::{MAX_DEPTH, NamedKind, RefKind, tag};

impl<'py> Encoder<'py> {
    /// Writes an object that is not exactly a builtin.
    pub(super) fn object(&mut self, obj: &Bound<'py, PyAny>, depth: usize) -> Outcome {
        let py = self.py;
        let class = obj.get_type();
        // None of these exact types has a __cache_key__; knowing them is faster than asking.
        if moment::is_exact(obj) {
            return self.moment(obj).unwrap_or(Ok(()));
        }
        if known::DECIMAL.is(&class) || known::UUID.is(&class) || is_path(&class) {
            return self.standard(obj, &class).unwrap_or(Ok(()));
        }
        if known::defines(&class, intern!(py, "__cache_key__")) {
            return self.within(obj, |this| this.by_cache_key(obj, &class, depth));
        }
        if let Ok(part) = obj.cast_exact::<KeyPart>() {
            self.out.encoded(part.get().bytes());
            self.pasted = true;
            return Ok(());
        }
        if known::ENUM.is_base_of(&class) {
            return self.member(obj, &class, depth);
        }
        if obj.is_instance_of::<PyType>() {
            let name = known::reference_name(obj, "class")?;
            self.out.reference(RefKind::Class, name.as_bytes());
            return Ok(());
        }
        if obj.is_exact_instance_of::<PyFunction>() || is_module_function(obj) {
            let name = known::reference_name(obj, "function")?;
            self.out.reference(RefKind::Function, name.as_bytes());
            return Ok(());
        }
        if known::PARTIAL.is(&class) {
            return self.within(obj, |this| this.partial(obj, depth));
        }
        if let Some(fields) = named_fields(obj, &class)? {
            let name = known::type_name(&class)?;
            self.named(NamedKind::Object, &name, depth)?;
            return self.within(obj, |this| this.fields(fields, depth + 1));
        }
        self.subclass(obj, &class, depth)
    }

    fn by_cache_key(
        &mut self,
        obj: &Bound<'py, PyAny>,
        class: &Bound<'py, PyType>,
        depth: usize,
    ) -> Outcome {
        let key = obj
            .call_method0(intern!(self.py, "__cache_key__"))
            .map_err(|error| Problem::raised(self.py, "__cache_key__()", error))?;
        self.named(NamedKind::Custom, &known::type_name(class)?, depth)?;
        self.value(&key, depth + 1)
            .map_err(|problem| problem.within(|| ".__cache_key__()".to_owned()))
    }

    /// Writes a Decimal, UUID, path or the base value of a subclass; `None` if it is neither.
    fn standard(&mut self, obj: &Bound<'py, PyAny>, class: &Bound<'py, PyType>) -> Option<Outcome> {
        Some(if known::DECIMAL.is_base_of(class) {
            self.decimal(obj)
        } else if known::UUID.is_base_of(class) {
            obj.getattr("int")
                .and_then(|int| int.extract())
                .map(|int| self.out.uuid(int))
                .map_err(Problem::from)
        } else if known::PURE_PATH.is_base_of(class) {
            self.path(obj, class)
        } else {
            return None;
        })
    }

    fn decimal(&mut self, obj: &Bound<'py, PyAny>) -> Outcome {
        // The parts, not str(): that depends on the context, and a subclass may override it.
        let parts = known::DECIMAL
            .load(self.py)?
            .call_method1("as_tuple", (obj,))?;
        let (negative, digits, exponent): (u8, Vec<u8>, Bound<'py, PyAny>) = parts.extract()?;
        let mut text = String::with_capacity(digits.len() + 8);
        if negative != 0 {
            text.push('-');
        }
        let special = exponent.extract::<String>().ok();
        match special.as_deref() {
            Some("F") => text.push_str("Infinity"),
            Some("n") => text.push_str("NaN"),
            Some(_) => text.push_str("sNaN"),
            None => {}
        }
        if special.as_deref() != Some("F") {
            text.extend(digits.into_iter().map(|digit| char::from(b'0' + digit)));
        }
        if special.is_none() {
            text.push('E');
            text.push_str(&exponent.extract::<i64>()?.to_string());
        }
        self.out.decimal(&text);
        Ok(())
    }

    fn path(&mut self, obj: &Bound<'py, PyAny>, class: &Bound<'py, PyType>) -> Outcome {
        // The text as PurePath itself gives it: a subclass may override `__str__`.
        let text = known::PURE_PATH
            .load(self.py)?
            .call_method1("__str__", (obj,))?;
        let text = text.cast::<PyString>().map_err(PyErr::from)?;
        let windows = known::PURE_WINDOWS_PATH.is_base_of(class)
            || cfg!(windows) && !known::PURE_POSIX_PATH.is_base_of(class);
        match text.to_str() {
            Ok(text) => self.out.path(windows, text.as_bytes()),
            Err(_) => self.out.path(windows, surrogates(text)?.as_bytes()),
        }
        Ok(())
    }

    fn member(
        &mut self,
        obj: &Bound<'py, PyAny>,
        class: &Bound<'py, PyType>,
        depth: usize,
    ) -> Outcome {
        self.named(NamedKind::Enum, &known::type_name(class)?, depth)?;
        let name = obj.getattr(intern!(self.py, "_name_"))?;
        let name = name.cast::<PyString>().ok();
        // A combination of flags has no name, or one made up by this version of Python: its value says what it is.
        let made_up = known::FLAG.is_base_of(class)
            && name.is_none_or(|name| name.to_str().is_ok_and(|name| name.contains('|')));
        match name.filter(|_| !made_up) {
            Some(name) => self.str(name),
            None => self
                .builtin(&obj.getattr(intern!(self.py, "_value_"))?, 0)
                .unwrap_or_else(|| {
                    Err(Problem::new(
                        "is a member of an enum without a name",
                        "Give it a name.",
                    ))
                }),
        }
    }

    fn partial(&mut self, obj: &Bound<'py, PyAny>, depth: usize) -> Outcome {
        self.named(NamedKind::Custom, "functools:partial", depth)?;
        self.out.tag(tag::TUPLE);
        for name in ["func", "args", "keywords"] {
            self.part(&obj.getattr(name)?, depth + 2, || format!(".{name}"))?;
        }
        Ok(())
    }

    /// A subclass of a type whose value we can read is that value under the name of the subclass.
    fn subclass(
        &mut self,
        obj: &Bound<'py, PyAny>,
        class: &Bound<'py, PyType>,
        depth: usize,
    ) -> Outcome {
        let name = known::type_name(class)?;
        // Their scalars derive from float and datetime but hold more, or compare in ways of their own.
        if name.starts_with("numpy") || name.starts_with("pandas") {
            return Err(refusal(obj, class, true));
        }
        self.named(NamedKind::Custom, &name, depth)?;
        self.builtin(obj, depth + 1)
            .or_else(|| self.moment(obj))
            .or_else(|| self.standard(obj, class))
            .unwrap_or_else(|| Err(refusal(obj, class, false)))
    }

    /// Starts a named value, which is a level of its own: what it names is one deeper.
    fn named(&mut self, kind: NamedKind, name: &str, depth: usize) -> Outcome {
        if depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.out.named(kind, name.as_bytes());
        Ok(())
    }
}

fn is_path(class: &Bound<'_, PyType>) -> bool {
    let known: [&Known; 4] = [
        &known::POSIX_PATH,
        &known::WINDOWS_PATH,
        &known::PURE_POSIX_PATH,
        &known::PURE_WINDOWS_PATH,
    ];
    known.iter().any(|known| known.is(class))
}

/// Whether `obj` is a function written in C that belongs to a module, not to an object.
fn is_module_function(obj: &Bound<'_, PyAny>) -> bool {
    obj.is_exact_instance_of::<PyCFunction>()
        && obj
            .getattr("__self__")
            .is_ok_and(|owner| owner.is_none() || owner.is_instance_of::<PyModule>())
}

type Fields<'py> = Vec<(Bound<'py, PyString>, Bound<'py, PyAny>)>;

/// The fields that make up a dataclass, pydantic model or named tuple; `None` for other types.
fn named_fields<'py>(
    obj: &Bound<'py, PyAny>,
    class: &Bound<'py, PyType>,
) -> Outcome<Option<Fields<'py>>> {
    let py = obj.py();
    if known::defines(class, intern!(py, "__dataclass_fields__")) {
        return dataclass_fields(obj).map(Some);
    }
    let pydantic = known::attribute(class, intern!(py, "__pydantic_fields__")).or_else(|| {
        // The name of the same before pydantic 2.10.
        known::attribute(class, intern!(py, "__pydantic_validator__"))?;
        known::attribute(class, intern!(py, "model_fields"))
    });
    if let Some(names) = pydantic {
        return pydantic_fields(obj, &names).map(Some);
    }
    if let Ok(tuple) = obj.cast::<PyTuple>()
        && let Some(names) = known::attribute(class, intern!(py, "_fields"))
        && let Ok(names) = names.extract::<Vec<Bound<'py, PyString>>>()
        && names.len() == tuple.len()
    {
        return Ok(Some(names.into_iter().zip(tuple.iter()).collect()));
    }
    Ok(None)
}

fn dataclass_fields<'py>(obj: &Bound<'py, PyAny>) -> Outcome<Fields<'py>> {
    static FIELDS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = obj.py();
    let mut fields = Vec::new();
    for field in FIELDS
        .import(py, "dataclasses", "fields")?
        .call1((obj,))?
        .try_iter()?
    {
        let field = field?;
        if field.getattr(intern!(py, "compare"))?.is_truthy()? {
            let name = field
                .getattr(intern!(py, "name"))?
                .cast_into::<PyString>()
                .map_err(PyErr::from)?;
            fields.push((name.clone(), attribute(obj, &name)?));
        }
    }
    Ok(fields)
}

fn pydantic_fields<'py>(
    obj: &Bound<'py, PyAny>,
    names: &Bound<'py, PyAny>,
) -> Outcome<Fields<'py>> {
    let py = obj.py();
    let mut fields = Vec::new();
    for name in names.try_iter()? {
        let name = name?.cast_into::<PyString>().map_err(PyErr::from)?;
        fields.push((name.clone(), attribute(obj, &name)?));
    }
    // With `extra="allow"` a model holds more than its type says.
    if let Ok(extra) = obj.getattr(intern!(py, "__pydantic_extra__"))
        && let Ok(extra) = extra.cast::<PyDict>()
    {
        for item in extra.items().iter() {
            fields.push(item.extract()?);
        }
    }
    Ok(fields)
}

fn attribute<'py>(
    obj: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Outcome<Bound<'py, PyAny>> {
    obj.getattr(name).map_err(|error| {
        Problem::raised(obj.py(), "reading it", error)
            .within(|| format!(".{}", name.to_string_lossy()))
    })
}

/// Why nothing above took this object, and what to do.
fn refusal(obj: &Bound<'_, PyAny>, class: &Bound<'_, PyType>, foreign: bool) -> Problem {
    let name = known::shown(class);
    let has =
        |attribute: &str| known::attribute(class, &PyString::new(obj.py(), attribute)).is_some();
    let annotate = "for an argument of a cached function, annotate it with KeyBy(\"id\"), or with NoKey to leave it out";
    let advice = match name.as_str() {
        _ if foreign && has("to_pydatetime") => "Use its Python value: .to_pydatetime().".to_owned(),
        _ if foreign && has("tobytes") => {
            "Use its Python value: .item() for a scalar; for an array, .tobytes() with shape and dtype.".to_owned()
        }
        _ if foreign => "Use its Python value (.item()), or a part that identifies it.".to_owned(),
        "bytearray" | "memoryview" => "Use bytes(...): a key must not change.".to_owned(),
        "complex" => "Use a tuple of its real and imag.".to_owned(),
        "method" | "builtin_function_or_method" => {
            "A bound method depends on its object: use the function with what identifies the object, such as \
             (Class.method, obj.id), or the object itself if its type has a __cache_key__() method."
                .to_owned()
        }
        _ if known::is_immutable(class) => {
            format!("Use what identifies it, such as an id or a tuple of its parts; {annotate}.")
        }
        _ => format!(
            "Give {name} a __cache_key__() method that returns what identifies it, or use that part itself, such as \
             an id; {annotate}."
        ),
    };
    Problem::new(
        format!("is of type {name}, which cannot be part of a key"),
        advice,
    )
}
