//! Python values to bytes and back: the native serializer, JSON, and compression.
//!
//! What the bytes look like is the business of [`crate::pack`].

use pyo3::prelude::*;

mod compress;
mod decode;
mod encode;
mod enums;
mod error;
mod json;
mod json_read;
mod moment;
mod names;
mod native;
mod objects;
mod read_objects;

/// Adds the functions and types of serializers to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<native::NativeCodec>()?;
    module.add_function(wrap_pyfunction!(compress::compress, module)?)?;
    module.add_function(wrap_pyfunction!(compress::decompress, module)?)?;
    module.add_function(wrap_pyfunction!(json::json_dumps, module)?)?;
    module.add_function(wrap_pyfunction!(json::json_loads, module)?)
}
