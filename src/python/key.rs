//! Keys as the near store holds them: plain objects as they are, all others as canonical bytes.

use super::{keys, plain};
use foldhash::fast::FixedState;
use pyo3::prelude::*;
use std::hash::BuildHasher;

/// The canonical bytes of a key that is not plain, as an object so that every key is one pointer.
#[pyclass(frozen, module = "omnicache._omnicache")]
pub(crate) struct EncodedKey {
    bytes: Box<[u8]>,
}

/// A key in the near store: a plain object or an [`EncodedKey`].
#[derive(Debug)]
pub(crate) struct Key(Py<PyAny>);

impl Key {
    /// A key that is known to be plain.
    pub(crate) fn plain(object: Py<PyAny>) -> Self {
        Self(object)
    }

    /// The object itself.
    pub(crate) fn object(&self) -> &Py<PyAny> {
        &self.0
    }

    /// The object itself.
    pub(crate) fn into_object(self) -> Py<PyAny> {
        self.0
    }

    /// Another reference to the same key.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py))
    }

    /// The canonical bytes, if this is how it is kept. It is one comparison of types and allocates nothing.
    pub(crate) fn bytes(&self, py: Python<'_>) -> Option<&[u8]> {
        Some(&self.0.bind(py).cast_exact::<EncodedKey>().ok()?.get().bytes).map(|bytes| {
            let (start, len) = (bytes.as_ptr(), bytes.len());
            // SAFETY: the bytes belong to the frozen object that `self` keeps alive, and never change.
            unsafe { std::slice::from_raw_parts(start, len) }
        })
    }

    /// The key as a user may see it.
    pub(crate) fn shown(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.bytes(py) {
            Some(bytes) => keys::decode(py, bytes),
            None => Ok(self.0.clone_ref(py)),
        }
    }
}

/// A user's key on its way into a lookup.
pub(crate) struct KeyRef<'py> {
    py: Python<'py>,
    hash: u32,
    kind: Kind<'py>,
}

enum Kind<'py> {
    Plain(Bound<'py, PyAny>),
    Encoded(Vec<u8>),
}

impl<'py> KeyRef<'py> {
    /// Reads a key; an `InvalidKeyError` names the part of it that cannot be used.
    pub(crate) fn of(key: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = key.py();
        // SAFETY: `key` is live and `py` shows that the thread is attached.
        if let Some(hash) = unsafe { plain::plain_hash(key.as_ptr()) } {
            return Ok(Self {
                py,
                hash,
                kind: Kind::Plain(key.clone()),
            });
        }
        let bytes = keys::encode(py, key)?;
        // Only within this process; what leaves it are the bytes.
        let hash = FixedState::default().hash_one(&bytes) as u32;
        Ok(Self {
            py,
            hash,
            kind: Kind::Encoded(bytes),
        })
    }

    /// A key that is known to be in the store already.
    pub(crate) fn again(py: Python<'py>, key: &Key) -> PyResult<Self> {
        match key.bytes(py) {
            Some(bytes) => {
                let bytes = bytes.to_vec();
                let hash = FixedState::default().hash_one(&bytes) as u32;
                Ok(Self {
                    py,
                    hash,
                    kind: Kind::Encoded(bytes),
                })
            }
            None => Self::of(key.0.bind(py)),
        }
    }

    /// The hash to look it up with.
    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    /// Whether `key` is this key. Runs no Python code.
    pub(crate) fn same(&self, key: &Key) -> bool {
        match &self.kind {
            // SAFETY: both are live and the thread is attached; a kept key is plain or an EncodedKey, which equals no
            // plain key because its type is another.
            Kind::Plain(object) => unsafe { plain::same(key.0.as_ptr(), object.as_ptr()) },
            Kind::Encoded(bytes) => key.bytes(self.py) == Some(bytes.as_slice()),
        }
    }

    /// The key to keep.
    pub(crate) fn to_key(&self) -> PyResult<Key> {
        Ok(Key(match &self.kind {
            Kind::Plain(object) => object.clone().unbind(),
            Kind::Encoded(bytes) => Py::new(
                self.py,
                EncodedKey {
                    bytes: bytes.as_slice().into(),
                },
            )?
            .into_any(),
        }))
    }
}
