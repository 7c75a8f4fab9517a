//! Decoding must end, in constant memory, with planes that fit what they are said to be.
#![no_main]

mod catch_panic;

use std::io::Cursor;

use analysis::decode::Stream;
use analysis::limits::{MAX_CHANNELS, RATES_HZ};

/// Longer audio than this comes out of no input of libFuzzer's size but by a header that lies, and takes its time.
const MAX_FRAMES: usize = 20_000_000;

libfuzzer_sys::fuzz_target!(init: catch_panic::expect_panics_of_decoders(), |bytes: &[u8]| {
    let Ok(mut stream) = Stream::open(Cursor::new(bytes.to_vec())) else {
        return;
    };
    let mut total = 0;
    while let Ok(Some(frames)) = stream.advance() {
        let info = stream.info();
        assert!(RATES_HZ.contains(&info.sample_rate_hz));
        assert!((1..=MAX_CHANNELS).contains(&usize::from(info.channels)));
        assert_eq!(stream.planes().len(), usize::from(info.channels));
        assert!(stream.planes().iter().all(|plane| plane.len() == frames));
        total += frames;
        if total > MAX_FRAMES {
            break;
        }
    }
});
