//! Time-based one-time codes (RFC 6238) of six digits, SHA-1 and 30 seconds, which every
//! authenticator app knows.

use std::time::Duration;

use federation_core::Timestamp;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::sign::Signer;

/// How long one code counts.
pub(super) const STEP: Duration = Duration::from_secs(30);
/// Digits in a code.
pub(super) const DIGITS: usize = 6;
/// Bytes in a secret, as long as the output of the hash (RFC 4226 s4).
const SECRET_LEN: usize = 20;
/// Steps before and after the present one whose codes count, for clocks that differ and for the
/// way of a code (RFC 6238 s5.2).
const SKEW: i64 = 1;
/// RFC 4648 s6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret.
pub(super) fn generate() -> Result<Vec<u8>, ErrorStack> {
    let mut secret = vec![0; SECRET_LEN];
    rand_bytes(&mut secret)?;
    Ok(secret)
}

/// The step within the window whose code this is.
pub(super) fn matching_step(
    secret: &[u8],
    code: &str,
    now: Timestamp,
) -> Result<Option<i64>, ErrorStack> {
    let present = now.as_seconds().div_euclid(30);
    let mut found = None;
    for step in present.saturating_sub(SKEW)..=present.saturating_add(SKEW) {
        let expected = code_at(secret, step)?;
        if code.len() == expected.len() && memcmp::eq(code.as_bytes(), expected.as_bytes()) {
            found = Some(step);
        }
    }
    Ok(found)
}

/// The code of a step (RFC 4226 s5.3).
fn code_at(secret: &[u8], step: i64) -> Result<String, ErrorStack> {
    let key = PKey::hmac(secret)?;
    let mut signer = Signer::new(MessageDigest::sha1(), &key)?;
    signer.update(&step.to_be_bytes())?;
    let hmac = signer.sign_to_vec()?;
    let offset = usize::from(hmac.last().copied().unwrap_or(0) & 0x0f);
    let bits = hmac
        .iter()
        .skip(offset)
        .take(4)
        .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
    Ok(format!("{:06}", (bits & 0x7fff_ffff) % 1_000_000))
}

/// Base32 without padding, as authenticator apps take it.
pub(in crate::auth) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        for (slot, byte) in group.iter_mut().skip(3).zip(chunk) {
            *slot = *byte;
        }
        let bits = u64::from_be_bytes(group);
        let letters = (chunk.len() * 8).div_ceil(5);
        for place in 0..letters {
            let index = (bits >> (35 - 5 * place)) & 31;
            let letter = usize::try_from(index).ok().and_then(|at| BASE32.get(at));
            text.extend(letter.map(|byte| char::from(*byte)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, its eight digits cut to the last six.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59_i64, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let found = code_at(b"12345678901234567890", seconds / 30).unwrap();
            assert_eq!(found, code, "{seconds}");
        }
    }

    /// RFC 4226 appendix D.
    #[test]
    fn codes_of_counters_are_those_of_the_rfc() {
        let codes = ["755224", "287082", "359152", "969429", "338314"];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(code_at(b"12345678901234567890", step).unwrap(), code);
        }
    }

    #[test]
    fn the_neighbours_of_a_step_count_and_no_others() {
        let secret = b"12345678901234567890";
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let found = |seconds| matching_step(secret, "005924", at(seconds)).unwrap();
        let step = 1_234_567_890 / 30;
        for seconds in [-30, 0, 29, 59] {
            assert_eq!(found(step * 30 + seconds), Some(step), "{seconds}");
        }
        assert_eq!(found(step * 30 - 31), None);
        assert_eq!(found(step * 30 + 60), None);
        assert_eq!(matching_step(secret, "", at(0)).unwrap(), None);
    }

    /// RFC 4648 s10.
    #[test]
    fn base32_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }
}
