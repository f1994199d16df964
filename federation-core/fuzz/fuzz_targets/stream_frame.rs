//! Frames of the push stream: none panics, and what is read is written again as what it was.
#![no_main]

use bytes::Bytes;
use federation_core::stream::{Frame, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = Bytes::copy_from_slice(bytes);
    let text = std::str::from_utf8(bytes).ok();
    let read = [
        Frame::from_binary(&whole).ok(),
        text.and_then(|text| Frame::from_text(text).ok()),
    ];
    for frame in read.into_iter().flatten() {
        let again = match frame.to_message() {
            Message::Text(text) => Frame::from_text(&text),
            Message::Binary(bytes) => Frame::from_binary(&bytes),
            other => panic!("{other:?} is no message of a frame"),
        };
        // What is read fits within every limit as it is written, too.
        assert_eq!(again.expect("what was written is read"), frame);
    }
});
