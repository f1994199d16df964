//! An authority and a certificate for all names of the benchmark, as small as real ones.

use std::path::Path;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn builder(name: &str, serial: u32, key: &PKey<Private>) -> X509Builder {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject.build()).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(2).unwrap())
        .unwrap();
    builder.set_pubkey(key).unwrap();
    builder
}

fn authority(key: &PKey<Private>) -> X509 {
    let mut builder = builder("Benchmark authority", 1, key);
    let own_name = {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "Benchmark authority")
            .unwrap();
        name.build()
    };
    builder.set_issuer_name(&own_name).unwrap();
    builder
        .append_extension(BasicConstraints::new().critical().ca().build().unwrap())
        .unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// A server's side of TLS for `*.domain`; writes its authority to a file.
pub(crate) fn acceptor(domain: &str, authority_file: &Path) -> SslAcceptor {
    let (authority_key, own_key) = (key(), key());
    let authority = authority(&authority_key);
    let mut own = builder(domain, 2, &own_key);
    own.set_issuer_name(authority.subject_name()).unwrap();
    let names = {
        let context = own.x509v3_context(Some(&authority), None);
        SubjectAlternativeName::new()
            .dns(&format!("*.{domain}"))
            .build(&context)
            .unwrap()
    };
    own.append_extension(names).unwrap();
    own.sign(&authority_key, MessageDigest::sha256()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&own_key).unwrap();
    acceptor.set_certificate(&own.build()).unwrap();
    std::fs::write(authority_file, authority.to_pem().unwrap()).unwrap();
    acceptor.build()
}
