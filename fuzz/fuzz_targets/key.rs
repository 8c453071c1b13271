//! `cargo +nightly fuzz run key --features libfuzzer`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    omnicache_fuzz::key(data);
});
