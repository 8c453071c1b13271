//! `cargo +nightly fuzz run compressed --features libfuzzer`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    omnicache_fuzz::compressed(data);
});
