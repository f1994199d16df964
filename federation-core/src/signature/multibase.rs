//! Multikey text: multibase base58btc around a multicodec-tagged public key (FEP-521a).

use crate::signature::KeyError;

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Longest text that is looked at: an RSA key of 8192 bits needs about 1450 characters.
const MAX_TEXT: usize = 1600;

const UNDECODABLE: KeyError = KeyError::Undecodable {
    encoding: "multibase base58btc",
};

/// Reads `z` and base58btc text to bytes.
///
/// # Errors
/// Another base, a character outside the alphabet, more than [`MAX_TEXT`] characters.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    if text.len() > MAX_TEXT {
        return Err(KeyError::TooLong { limit: MAX_TEXT });
    }
    let digits = text.strip_prefix('z').ok_or(UNDECODABLE)?.as_bytes();
    let zeros = digits.iter().take_while(|digit| **digit == b'1').count();
    let mut little_endian: Vec<u8> = Vec::with_capacity(digits.len());
    for digit in digits {
        let value = ALPHABET
            .iter()
            .position(|letter| letter == digit)
            .and_then(|value| u32::try_from(value).ok())
            .ok_or(UNDECODABLE)?;
        let mut carry = value;
        for byte in &mut little_endian {
            carry += u32::from(*byte) * 58;
            let [low, ..] = carry.to_le_bytes();
            *byte = low;
            carry >>= 8;
        }
        if carry > 0 {
            let [low, ..] = carry.to_le_bytes();
            little_endian.push(low);
        }
    }
    little_endian.resize(little_endian.len() + zeros, 0);
    little_endian.reverse();
    Ok(little_endian)
}

/// Writes bytes as `z` and base58btc text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut digits: Vec<u8> = Vec::with_capacity(bytes.len() * 7 / 5 + 1);
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            let [low, ..] = (carry % 58).to_le_bytes();
            *digit = low;
            carry /= 58;
        }
        while carry > 0 {
            let [low, ..] = (carry % 58).to_le_bytes();
            digits.push(low);
            carry /= 58;
        }
    }
    let mut text = String::with_capacity(1 + zeros + digits.len());
    text.push('z');
    text.extend(std::iter::repeat_n('1', zeros));
    text.extend(
        digits
            .iter()
            .rev()
            .filter_map(|digit| ALPHABET.get(usize::from(*digit)))
            .map(|letter| char::from(*letter)),
    );
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_known_values() {
        assert_eq!(encode(b"Hello World!"), "z2NEpo7TZRRrLZSi2U");
        assert_eq!(decode("z2NEpo7TZRRrLZSi2U").unwrap(), b"Hello World!");
        assert_eq!(encode(&[0, 0, 40, 127, 180, 205]), "z11233QC4");
        assert_eq!(decode("z").unwrap(), b"");
        assert!(decode("").is_err());
        assert!(decode("m0").is_err());
        assert!(decode("z0OIl").is_err());
        assert!(decode(&"z".repeat(MAX_TEXT + 1)).is_err());
    }

    proptest! {
        #[test]
        fn round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn never_panics(text in ".{0,80}") {
            let _ = decode(&text);
            let _ = decode(&format!("z{text}"));
        }
    }
}
