//! What a picture says of itself in its first bytes: its kind and its size.
//!
//! Nothing is decoded. Formats that can hold scripts or other documents (SVG) are not known here.

use super::model::MediaType;

/// Segments of a JPEG that are passed over at most before its size.
const MAX_SEGMENTS: usize = 1_000;

/// The kind and size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) media_type: MediaType,
    /// Pixels.
    pub(super) width: u32,
    /// Pixels.
    pub(super) height: u32,
}

impl Picture {
    /// Reads the header of a picture; `None` when it is of no kind that is known, or cut.
    ///
    /// # Security
    /// What is read is bounded by the input, whatever lengths it claims.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (media_type, (width, height)) = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            (MediaType::Png, png(bytes)?)
        } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            (MediaType::Gif, (little_16(bytes, 6)?, little_16(bytes, 8)?))
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12)? == b"WEBP" {
            (MediaType::Webp, webp(bytes)?)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            (MediaType::Jpeg, jpeg(bytes)?)
        } else {
            return None;
        };
        Some(Self {
            media_type,
            width,
            height,
        })
    }
}

/// PNG, third edition, s11.2.1: the first chunk is `IHDR`.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let is_header = bytes.get(12..16)? == b"IHDR";
    is_header.then_some((big_32(bytes, 16)?, big_32(bytes, 20)?))
}

/// RFC 9649 s2.5 to s2.7 and s3.4: lossy, lossless and extended.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => {
            let begins = bytes.get(23..26)? == b"\x9d\x01\x2a";
            let side = |at| little_16(bytes, at).map(|side| side & 0x3fff);
            begins.then_some((side(26)?, side(28)?))
        }
        b"VP8L" => {
            let begins = *bytes.get(20)? == 0x2f;
            let both = u32::from_le_bytes(bytes.get(21..25)?.try_into().ok()?);
            let side = |bits: u32| (bits & 0x3fff) + 1;
            begins.then_some((side(both), side(both >> 14)))
        }
        b"VP8X" => {
            let side = |low: usize, high: usize| {
                let high = u32::from(*bytes.get(high)?) << 16;
                Some((little_16(bytes, low)? | high) + 1)
            };
            Some((side(24, 26)?, side(27, 29)?))
        }
        _ => None,
    }
}

/// ITU-T T.81 sB.1 and sB.2.2: segments up to the one that begins the frame.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at: usize = 2;
    for _ in 0..MAX_SEGMENTS {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        while *bytes.get(at)? == 0xff {
            at += 1;
        }
        let marker = *bytes.get(at)?;
        at += 1;
        match marker {
            // Tables for Huffman and arithmetic coding, and extensions, have numbers among these.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((big_16(bytes, at + 5)?, big_16(bytes, at + 3)?));
            }
            // Without a length.
            0x01 | 0xd0..=0xd8 => {}
            // The end, or the scan itself: no frame has begun.
            0x00 | 0xd9 | 0xda => return None,
            _ => {
                let length = usize::try_from(big_16(bytes, at)?).ok()?;
                if length < 2 {
                    return None;
                }
                at = at.checked_add(length)?;
            }
        }
    }
    None
}

fn big_32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

fn big_16(bytes: &[u8], at: usize) -> Option<u32> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(two.try_into().ok()?).into())
}

fn little_16(bytes: &[u8], at: usize) -> Option<u32> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(two.try_into().ok()?).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    fn gif_of(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes
    }

    fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x02\xff\xc2\0\x0b\x08".to_vec();
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes
    }

    fn webp_of(chunk: &[u8], rest: &[u8]) -> Vec<u8> {
        [&b"RIFF\0\0\0\0WEBP"[..], chunk, &b"\0\0\0\0"[..], rest].concat()
    }

    #[test]
    fn attack_what_is_no_picture_or_can_run_is_not_one() {
        for bytes in [
            &b""[..],
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<?xml version='1.0'?><svg/>",
            b"GIF89",
            b"\xff\xd8",
            b"\xff\xd8\xff\xd9",
            b"\xff\xd8\xff\xe0\0\0",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT\0\0\0\x01\0\0\0\x01",
        ] {
            assert_eq!(Picture::read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn each_form_of_webp_tells_its_size() {
        for (chunk, rest) in [
            (b"VP8 ", &b"\0\0\0\x9d\x01\x2a\x40\x01\x20\0"[..]),
            (b"VP8L", &b"\x2f\x3f\xc1\x07\0"[..]),
            (b"VP8X", &b"\0\0\0\0\x3f\x01\0\x1f\0\0"[..]),
        ] {
            let read = Picture::read(&webp_of(chunk, rest)).unwrap();
            assert_eq!((read.width, read.height), (320, 32), "{chunk:?}");
            assert_eq!(read.media_type, MediaType::Webp);
        }
    }

    proptest! {
        #[test]
        fn sizes_are_read_as_written(width: u16, height: u16) {
            let expected = |media_type| {
                let (width, height) = (u32::from(width), u32::from(height));
                Some(Picture { media_type, width, height })
            };
            let png = png_of(width.into(), height.into());
            prop_assert_eq!(Picture::read(&png), expected(MediaType::Png));
            prop_assert_eq!(Picture::read(&gif_of(width, height)), expected(MediaType::Gif));
            prop_assert_eq!(Picture::read(&jpeg_of(width, height)), expected(MediaType::Jpeg));
        }

        #[test]
        fn attack_cut_and_random_bytes_are_read_without_harm(
            head in 0usize..6,
            tail in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let heads: [&[u8]; 6] = [
                b"", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"RIFF\0\0\0\0WEBPVP8X", b"\xff\xd8\xff",
                b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f",
            ];
            let bytes = [heads[head], &tail[..]].concat();
            for end in 0..=bytes.len() {
                let _read_or_not = Picture::read(&bytes[..end]);
            }
        }
    }
}
