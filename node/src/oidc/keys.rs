//! The keys of an issuer (RFC 7517): each with the algorithms that it may be used for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, DecodingKey};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;
use serde_json::Value;

/// Keys that are read of one issuer at most.
const MOST: usize = 64;
/// Bits of an RSA key.
const RSA_BITS: std::ops::RangeInclusive<i32> = 2048..=8192;

/// A key that signs tokens.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    /// What the key decides, and not the token (RFC 8725 s3.1).
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) decoding: DecodingKey,
}

/// Reads the keys of a set that verify signatures; what is not understood is left out.
pub(super) fn read(set: &Value) -> Vec<Key> {
    let keys = set.get("keys").and_then(Value::as_array);
    keys.into_iter()
        .flatten()
        .take(MOST)
        .filter_map(read_one)
        .collect()
}

fn read_one(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let (possible, decoding): (&[Algorithm], DecodingKey) = match (text("kty")?, text("crv")) {
        ("RSA", _) => (
            &[Algorithm::RS256, Algorithm::PS256],
            rsa(text("n")?, text("e")?)?,
        ),
        ("EC", Some("P-256")) => (&[Algorithm::ES256], p256(text("x")?, text("y")?)?),
        ("OKP", Some("Ed25519")) => (&[Algorithm::EdDSA], ed25519(text("x")?)?),
        _ => return None,
    };
    let named = text("alg").map(str::parse::<Algorithm>).transpose().ok()?;
    let fits = |it: &&Algorithm| named.is_none_or(|named| named == **it);
    let algorithms: Vec<Algorithm> = possible.iter().filter(fits).copied().collect();
    (!algorithms.is_empty()).then(|| Key {
        kid: text("kid").map(str::to_owned),
        algorithms,
        decoding,
    })
}

fn number(text: &str) -> Option<BigNum> {
    BigNum::from_slice(&BASE64URL.decode(text).ok()?).ok()
}

fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let key = Rsa::from_public_components(number(modulus)?, number(exponent)?).ok()?;
    let fits = RSA_BITS.contains(&key.n().num_bits()) && key.e().is_bit_set(0);
    let key = PKey::from_rsa(key).ok().filter(|_| fits)?;
    Some(DecodingKey::from_rsa_der(&key.public_key_to_der().ok()?))
}

/// OpenSSL refuses points that are not on the curve.
fn p256(x: &str, y: &str) -> Option<DecodingKey> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
    let (x, y) = (number(x)?, number(y)?);
    let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y).ok()?;
    Some(DecodingKey::from_ec_der(&key.public_key_to_der().ok()?))
}

fn ed25519(x: &str) -> Option<DecodingKey> {
    let raw = BASE64URL.decode(x).ok()?;
    let key = PKey::public_key_from_raw_bytes(&raw, Id::ED25519).ok()?;
    Some(DecodingKey::from_ed_der(&key.public_key_to_der().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attack_keys_that_prove_nothing_are_left_out() {
        let small = BASE64URL.encode([0xff; 128]);
        let set = json!({"keys": [
            {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
            {"kty": "RSA", "n": small, "e": "AQAB"},
            {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"},
            {"kty": "OKP", "crv": "Ed25519", "x": "AQ"},
            {"kty": "OKP", "crv": "Ed25519", "use": "enc",
             "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty": "OKP", "crv": "Ed25519", "alg": "HS256",
             "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            "text",
        ]});
        assert!(read(&set).is_empty());
        assert!(read(&json!([])).is_empty());
    }

    #[test]
    fn a_key_says_its_algorithms() {
        let set = json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "a",
             "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty": "RSA", "kid": "b", "alg": "PS256", "e": "AQAB",
             "n": BASE64URL.encode([0xff; 256])},
        ]});
        let keys = read(&set);
        assert_eq!(keys[0].algorithms, [Algorithm::EdDSA]);
        assert_eq!(keys[1].algorithms, [Algorithm::PS256]);
        assert_eq!(keys[1].kid.as_deref(), Some("b"));
    }
}
