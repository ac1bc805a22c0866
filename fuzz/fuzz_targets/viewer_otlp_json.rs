#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tower_b3_fuzz::viewer::viewer_otlp_json(input));
