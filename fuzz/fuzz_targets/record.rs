//! `cargo +nightly fuzz run record --features libfuzzer`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    omnicache_fuzz::record(data);
});
