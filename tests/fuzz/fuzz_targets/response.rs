#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comenq_fuzz::run("response", data));
