#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tower_b3_fuzz::baggage::baggage(input));
