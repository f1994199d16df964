//! Keys: every encoding in and out, and every key that is refused.

use openssl::bn::{BigNum, BigNumRef};
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;
use proptest::prelude::*;

use super::{ED25519, RSA};
use crate::signature::{Algorithm, KeyError, PrivateKey, PublicKey, SignatureError};

#[test]
fn encodings_round_trip() {
    for key in [&*RSA, &*ED25519] {
        let public = key.key().public_key();
        assert_eq!(
            PublicKey::from_pem(&public.to_pem().unwrap()),
            Ok(public.clone())
        );
        let multibase = public.to_multibase().unwrap();
        assert_eq!(PublicKey::from_multibase(&multibase), Ok(public.clone()));

        let der = key.key().to_der().unwrap();
        let again = PrivateKey::from_der(public.algorithm(), &der).unwrap();
        assert_eq!(again.public_key(), public);
        let signature = again.sign(b"message").unwrap();
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(
            public.verify(b"massage", &signature),
            Err(SignatureError::Mismatch)
        );
    }
    let multibase = ED25519.key().public_key().to_multibase().unwrap();
    assert!(multibase.starts_with("z6Mk"), "{multibase}");
}

#[test]
fn reads_the_published_ed25519_multikey() {
    // FEP-8b32, the key of its example.
    let key =
        PublicKey::from_multibase("z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2").unwrap();
    assert_eq!(key.algorithm(), Algorithm::Ed25519);
}

#[test]
fn a_private_key_must_be_of_the_kind_asked_for() {
    let der = RSA.key().to_der().unwrap();
    assert_eq!(
        PrivateKey::from_der(Algorithm::Ed25519, &der).unwrap_err(),
        KeyError::OtherKind {
            expected: Algorithm::Ed25519
        }
    );
    assert!(PrivateKey::from_der(Algorithm::RsaSha256, b"nothing").is_err());
    assert!(PrivateKey::from_der(Algorithm::Ed25519, &[7; 32]).is_ok());
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", &*ED25519);
    assert!(shown.contains("Ed25519") && shown.contains(".."));
    assert!(shown.len() < 900, "{shown}");
}

fn rsa(bits: u32, exponent: u32) -> PKey<Public> {
    let private = Rsa::generate_with_e(bits, &BigNum::from_u32(exponent).unwrap()).unwrap();
    let public = Rsa::from_public_components(
        private.n().to_owned().unwrap(),
        private.e().to_owned().unwrap(),
    );
    PKey::from_rsa(public.unwrap()).unwrap()
}

/// A key that nobody could generate, from the numbers alone.
fn forged(modulus_bits: i32, exponent: &BigNumRef) -> Vec<u8> {
    let mut modulus = BigNum::new().unwrap();
    modulus.set_bit(modulus_bits - 1).unwrap();
    modulus.set_bit(0).unwrap();
    let rsa = Rsa::from_public_components(modulus, exponent.to_owned().unwrap()).unwrap();
    rsa.public_key_to_der().unwrap()
}

#[test]
fn attack_14_weak_rsa_keys_are_refused() {
    let common = BigNum::from_u32(65537).unwrap();
    for bits in [512, 1024, 2047, 8193, 16384] {
        assert_eq!(
            PublicKey::from_spki_der(&forged(bits, &common)),
            Err(KeyError::RsaModulus { bits })
        );
    }
    assert!(PublicKey::from_spki_der(&forged(2048, &common)).is_ok());
    assert!(PublicKey::from_spki_der(&forged(8192, &common)).is_ok());
    for exponent in [1, 2, 3, 17, 65535, 65538] {
        let der = forged(2048, &BigNum::from_u32(exponent).unwrap());
        assert_eq!(PublicKey::from_spki_der(&der), Err(KeyError::RsaExponent));
    }
    let mut huge = BigNum::new().unwrap();
    huge.set_bit(2000).unwrap();
    huge.set_bit(0).unwrap();
    assert_eq!(
        PublicKey::from_spki_der(&forged(2048, &huge)),
        Err(KeyError::RsaExponent)
    );
    let generated = rsa(1024, 65537).public_key_to_pem().unwrap();
    assert_eq!(
        PublicKey::from_pem(std::str::from_utf8(&generated).unwrap()),
        Err(KeyError::RsaModulus { bits: 1024 })
    );
}

#[test]
fn attack_14_other_kinds_of_keys_are_refused() {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;

    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let ec = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let x25519 = PKey::generate_x25519().unwrap();
    for der in [
        ec.public_key_to_der().unwrap(),
        x25519.public_key_to_der().unwrap(),
    ] {
        assert_eq!(
            PublicKey::from_spki_der(&der),
            Err(KeyError::UnsupportedKind)
        );
    }
    let mut point = [0; 32];
    assert_eq!(PublicKey::from_ed25519(&point), Err(KeyError::SmallOrder));
    point[0] = 1;
    assert_eq!(PublicKey::from_ed25519(&point), Err(KeyError::SmallOrder));
    point[31] = 0x80;
    assert_eq!(PublicKey::from_ed25519(&point), Err(KeyError::SmallOrder));
    assert!(PublicKey::from_ed25519(&[1; 31]).is_err());
}

#[test]
fn attack_14_pem_of_other_things_is_refused() {
    let private = PKey::generate_ed25519().unwrap();
    let private = String::from_utf8(private.private_key_to_pem_pkcs8().unwrap()).unwrap();
    for pem in [
        "",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        &private,
    ] {
        assert!(matches!(
            PublicKey::from_pem(pem),
            Err(KeyError::Undecodable { .. })
        ));
    }
    let long = format!("-----BEGIN PUBLIC KEY-----\n{}", "A".repeat(10_000));
    assert_eq!(
        PublicKey::from_pem(&long),
        Err(KeyError::TooLong { limit: 8192 })
    );
}

#[test]
fn attack_15_only_exact_success_counts() {
    let public = RSA.key().public_key();
    let good = RSA.key().sign(b"m").unwrap();
    for bad in [
        Vec::new(),
        vec![0; 256],
        vec![0xff; 256],
        good[..255].to_vec(),
        [&good[..], &[0]].concat(),
    ] {
        assert_eq!(public.verify(b"m", &bad), Err(SignatureError::Mismatch));
    }
}

proptest! {
    #[test]
    fn key_parsers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        let _ = PublicKey::from_spki_der(&bytes);
        let _ = PublicKey::from_pkcs1_der(&bytes);
        let _ = PublicKey::from_ed25519(&bytes);
        let _ = PublicKey::from_pem(&text);
        let _ = PublicKey::from_pem(&format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----"));
        let _ = PublicKey::from_multibase(&text);
        let _ = PrivateKey::from_der(Algorithm::RsaSha256, &bytes);
    }
}
