//! `cargo +nightly fuzz run native --features libfuzzer`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    omnicache_fuzz::native(data);
});
