//! Tells the crate which Python it is built for: `cfg(Py_GIL_DISABLED)` on free-threaded builds.

fn main() {
    #[cfg(feature = "python")]
    pyo3_build_config::use_pyo3_cfgs();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(Py_GIL_DISABLED)");
}
