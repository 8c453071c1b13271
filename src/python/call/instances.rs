//! The instances that cached methods were called on: each has a token, a str that takes its place in keys, for as long
//! as it lives. Who makes a token holds a weak reference whose callback takes it back.

use crate::sync::Mutex;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::null_mut;

/// Addresses are spread already but for their low bits.
#[derive(Default)]
struct Address(u64);

impl Hasher for Address {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only addresses are hashed");
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        let product = u128::from(address as u64) * 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

type Tokens = HashMap<usize, Py<PyString>, BuildHasherDefault<Address>>;

static TOKENS: Mutex<Tokens> = Mutex::new(HashMap::with_hasher(BuildHasherDefault::new()));

/// The token of `instance`, borrowed, or null if it has none yet.
///
/// # Safety
/// The caller keeps `instance` alive for as long as it uses the token; the thread is attached.
#[inline]
pub(super) unsafe fn token(instance: *mut PyObject) -> *mut PyObject {
    TOKENS
        .lock()
        .get(&instance.addr())
        .map_or(null_mut(), Py::as_ptr)
}

/// Gives `instance` this token, unless another thread was quicker; the one it has.
#[pyfunction]
fn keep_token(instance: &Bound<'_, PyAny>, token: Py<PyString>) -> Py<PyString> {
    let py = instance.py();
    let mut tokens = TOKENS.lock();
    let kept = tokens.entry(instance.as_ptr().addr()).or_insert(token);
    kept.clone_ref(py)
}

/// The token of `instance`, or None.
#[pyfunction]
fn find_token(instance: &Bound<'_, PyAny>) -> Option<Py<PyString>> {
    let tokens = TOKENS.lock();
    let token = tokens.get(&instance.as_ptr().addr())?;
    Some(token.clone_ref(instance.py()))
}

/// Takes back the token of the instance that was at this address.
#[pyfunction]
fn drop_token(address: usize) {
    let token = TOKENS.lock().remove(&address);
    drop(token); // after the lock
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(keep_token, module)?)?;
    module.add_function(wrap_pyfunction!(find_token, module)?)?;
    module.add_function(wrap_pyfunction!(drop_token, module)?)
}
