//! TLS: certificates of the extra authority are trusted, and nothing else becomes so.

use std::io::{Read, Write};
use std::net::TcpListener as PlainListener;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

use super::*;

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// A certificate for `name`, signed by `issuer` or by itself as an authority.
fn certificate(name: &str, key: &PKey<Private>, issuer: Option<(&X509, &PKey<Private>)>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(u32::try_from(name.len()).unwrap()).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder
        .set_issuer_name(issuer.map_or(&subject, |(authority, _)| authority.subject_name()))
        .unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(2).unwrap())
        .unwrap();
    builder.set_pubkey(key).unwrap();
    match issuer {
        Some((authority, _)) => {
            let context = builder.x509v3_context(Some(authority), None);
            let names = SubjectAlternativeName::new()
                .dns(name)
                .build(&context)
                .unwrap();
            builder.append_extension(names).unwrap();
        }
        None => builder
            .append_extension(BasicConstraints::new().critical().ca().build().unwrap())
            .unwrap(),
    }
    builder
        .sign(issuer.map_or(key, |(_, key)| key), MessageDigest::sha256())
        .unwrap();
    builder.build()
}

/// A TLS server with a certificate for `peer.test`; gives its port and its authority as PEM.
fn serve() -> (u16, Vec<u8>) {
    let (authority_key, own_key) = (key(), key());
    let authority = certificate("Test authority", &authority_key, None);
    let own = certificate("peer.test", &own_key, Some((&authority, &authority_key)));
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&own_key).unwrap();
    acceptor.set_certificate(&own).unwrap();
    let acceptor = acceptor.build();
    let listener = PlainListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(mut stream) = acceptor.accept(stream) else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(with_body("over tls").as_bytes());
        }
    });
    (port, authority.to_pem().unwrap())
}

fn client(extra_ca: Option<&std::path::Path>) -> GuardedClient {
    let policy = GuardPolicy::with_private_ranges(vec!["127.0.0.0/8".parse().unwrap()], false);
    let mut config = ClientConfig::new("folkmoot-test", policy);
    config.lookup = Arc::new(Lookup(vec!["127.0.0.1".parse().unwrap()]));
    config.extra_ca_file = extra_ca.map(Into::into);
    GuardedClient::new(config).unwrap()
}

#[tokio::test]
async fn trusts_the_extra_authority_for_the_names_it_has_signed() {
    let (port, pem) = serve();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let get = |host: &str, client: GuardedClient| {
        let url = Url::parse(&format!("https://{host}:{port}/")).unwrap();
        async move {
            client
                .execute(OutboundRequest::get(url, FetchLimits::document()))
                .await
        }
    };
    let answer = get("peer.test", client(Some(file.path()))).await.unwrap();
    assert_eq!(&answer.body[..], b"over tls");
    let unknown = get("peer.test", client(None)).await.unwrap_err();
    assert!(matches!(unknown, FetchError::Connect(_)), "{unknown:?}");
    let other_name = get("other.test", client(Some(file.path())))
        .await
        .unwrap_err();
    assert!(
        matches!(other_name, FetchError::Connect(_)),
        "{other_name:?}"
    );
}
