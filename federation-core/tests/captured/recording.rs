//! Reading the recorded requests and the keys that go with them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use federation_core::Timestamp;
use federation_core::inbox::InboundRequest;
use federation_core::signature::{
    PublicKey, SignatureError, VerificationPolicy, VerifiedSignature, inspect,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

/// Key ids of servers whose keys were not recorded.
const KEYS_NOT_RECORDED: [&str; 2] = [
    "https://gts.test/users/gina/main-key",
    "https://snac.test/sam#main-key",
];

#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) file: String,
    pub(crate) method: Method,
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) origin: Url,
}

impl Captured {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let mut request_line = lines.next().unwrap().split(' ');
        let method = request_line.next().unwrap().parse().unwrap();
        let path_and_query = request_line.next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            headers.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value.trim()).unwrap(),
            );
        }
        let host = headers.get("host").unwrap().to_str().unwrap();
        Self {
            file: path.display().to_string(),
            origin: Url::parse(&format!("https://{host}")).unwrap(),
            method,
            path_and_query,
            headers,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.headers.contains_key("signature")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut changed = self.clone();
        changed
            .headers
            .insert(name, HeaderValue::from_str(value).unwrap());
        changed
    }

    pub(crate) fn request(&self) -> InboundRequest {
        InboundRequest::new(
            self.method.clone(),
            &self.origin,
            &self.path_and_query,
            self.headers.clone(),
            Bytes::from(self.body.clone()),
        )
        .unwrap()
    }

    pub(crate) fn verify(&self, keys: &Keys) -> Result<VerifiedSignature, SignatureError> {
        self.verify_at(keys, that_day())
    }

    pub(crate) fn verify_at(
        &self,
        keys: &Keys,
        day: Timestamp,
    ) -> Result<VerifiedSignature, SignatureError> {
        let claim = inspect(&self.request(), &VerificationPolicy::default(), day)?;
        let key_id = claim.key_id().as_str();
        let mut verdict = Err(SignatureError::Missing);
        for key in keys.0.get(key_id).into_iter().flatten() {
            verdict = claim.verify(key);
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }

    pub(crate) fn key_is_recorded(&self) -> bool {
        let signature = self.header("signature").unwrap();
        !KEYS_NOT_RECORDED.iter().any(|id| signature.contains(id))
    }
}

/// The middle of the recording.
pub(crate) fn that_day() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-20T16:30:00Z").unwrap()
}

/// The recorded keys by their ids; an id whose key was exchanged has several.
pub(crate) struct Keys(pub(crate) HashMap<String, Vec<PublicKey>>);

pub(crate) fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures")
}

pub(crate) fn keys() -> Keys {
    keys_in(&captures())
}

pub(crate) fn keys_in(folder: &Path) -> Keys {
    let text = fs::read(folder.join("keys.json")).unwrap();
    let pems: HashMap<String, Vec<String>> = serde_json::from_slice(&text).unwrap();
    let parsed = pems.into_iter().map(|(id, pems)| {
        let keys = pems.iter().map(|pem| PublicKey::from_pem(pem).unwrap());
        (id, keys.collect())
    });
    Keys(parsed.collect())
}

pub(crate) fn requests() -> Vec<(&'static str, &'static str, Captured)> {
    let mut found = Vec::new();
    for server in ["bovine", "cattle_grid", "fedify", "mitra"] {
        for folder in ["sent", "served"] {
            let requests = requests_in(&captures().join(server).join(folder));
            found.extend(requests.into_iter().map(|one| (server, folder, one)));
        }
    }
    found
}

/// The requests in one folder, by name.
pub(crate) fn requests_in(folder: &Path) -> Vec<Captured> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".request.http"))
        .collect();
    paths.sort();
    paths.iter().map(|path| Captured::read(path)).collect()
}
