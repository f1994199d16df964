//! Access tokens put together by hand, with the server's own key where a test needs that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use folkmoot::platform::db::schema::token_keys;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use serde_json::{Value, json};

use crate::app::{Member, TestApp};

/// The header, claims and signature of a token.
pub(super) fn parts(token: &str) -> (Value, Value, Vec<u8>) {
    let mut parts = token.split('.').map(|part| BASE64URL.decode(part).unwrap());
    let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    let (header, claims) = (json(), json());
    (header, claims, parts.next().unwrap())
}

/// What is signed of a token.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token with this signature.
pub(super) fn with(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let signature = BASE64URL.encode(signature);
    format!("{}.{signature}", unsigned(header, claims))
}

/// A key that signs as the server does.
pub(super) struct Signer(EcKey<Private>);

impl Signer {
    /// A key that the server does not know.
    pub(super) fn foreign() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self(EcKey::generate(&group).unwrap())
    }

    /// The newest key of the server.
    pub(super) async fn of(app: &TestApp) -> Self {
        Self::at(app, |keys| keys.last().cloned()).await
    }

    /// The oldest key of the server.
    pub(super) async fn of_oldest(app: &TestApp) -> Self {
        Self::at(app, |keys| keys.first().cloned()).await
    }

    async fn at(
        app: &TestApp,
        choose: impl Fn(&[(String, Vec<u8>)]) -> Option<(String, Vec<u8>)> + Send + 'static,
    ) -> Self {
        let read = move |connection: &mut Connection| {
            let rows = token_keys::table.order(token_keys::id);
            let rows = rows.select((token_keys::id, token_keys::sealed_private_key));
            let rows: Vec<(String, Vec<u8>)> = rows.load(connection)?;
            Ok::<_, DatabaseError>(choose(&rows).unwrap())
        };
        let ctx = app.app().ctx();
        let (id, sealed) = ctx.db().read(read).await.unwrap();
        let place = format!("token_keys/sealed_private_key/{id}");
        let der = ctx.keyring().open_sealed(&sealed, place.as_bytes());
        let key = PKey::private_key_from_pkcs8(&der.unwrap()).unwrap();
        Self(key.ec_key().unwrap())
    }

    /// A token signed with ES256 (RFC 7518 s3.4).
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let hash = sha256(unsigned(header, claims).as_bytes());
        let signature = EcdsaSig::sign(&hash, &self.0).unwrap();
        let mut bytes = signature.r().to_vec_padded(32).unwrap();
        bytes.extend(signature.s().to_vec_padded(32).unwrap());
        with(header, claims, &bytes)
    }

    /// The public half as a JSON Web Key.
    pub(super) fn jwk(&self, kid: &Value) -> Value {
        let (mut x, mut y) = (
            openssl::bn::BigNum::new().unwrap(),
            openssl::bn::BigNum::new().unwrap(),
        );
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        self.0
            .public_key()
            .affine_coordinates(self.0.group(), &mut x, &mut y, &mut context)
            .unwrap();
        let coordinate = |n: &openssl::bn::BigNum| BASE64URL.encode(n.to_vec_padded(32).unwrap());
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
            "x": coordinate(&x), "y": coordinate(&y),
        })
    }
}

/// What the server answers to a token.
pub(super) async fn shown(app: &TestApp, token: &str) -> String {
    let reply = app.get("/api/v1/users/@me", token).await;
    match reply.status.as_u16() {
        200 => "ok".to_owned(),
        401 => reply.text("/code"),
        status => panic!("{status}: {:?}", reply.json),
    }
}

/// The header and claims of a member's token.
pub(super) fn of(member: &Member) -> (Value, Value) {
    let (header, claims, _) = parts(&member.access);
    (header, claims)
}
