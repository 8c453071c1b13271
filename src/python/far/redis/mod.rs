//! A store on a server as a Python object: every request may be waited for by a thread, which gives the GIL away, or by a
//! task, whose loop hears of many replies at once.

mod lane;
mod lanes;
mod read;
mod replies;
mod reply;
mod request;
mod store;
mod unclaimed;
mod write;

pub(in crate::python) use store::RedisStore;

use pyo3::prelude::*;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<store::RedisStore>()
}
