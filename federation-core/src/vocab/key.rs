//! Keys as actors publish them: `publicKey`, and `assertionMethod` of FEP-521a.

use serde_json::{Map, Value};
use url::Url;

use super::error::VocabError;
use super::id::parse_id;
use super::json;
use super::reader::Reader;
use super::writer::Writer;

/// Keys of one actor that are read at most.
pub const MAX_KEYS: usize = 16;

/// Bytes of key text that are read at most: twice an RSA key of 8192 bits as PEM.
const MAX_KEY_BYTES: usize = 4096;

/// A key that an actor shows as its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActorKey {
    /// The id by which signatures name the key.
    pub id: Url,
    /// The actor that the key says it belongs to (`owner` or `controller`).
    pub owner: Url,
    /// The key itself, not yet parsed.
    pub material: KeyMaterial,
}

/// The text that holds a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyMaterial {
    /// PEM, as `publicKeyPem` has it.
    Pem(String),
    /// Multibase with a multicodec prefix, as `publicKeyMultibase` of a `Multikey` has it.
    Multibase(String),
}

impl ActorKey {
    /// A key as PEM, to be shown as `publicKey`.
    pub fn pem(id: Url, owner: Url, pem: impl Into<String>) -> Self {
        Self {
            id,
            owner,
            material: KeyMaterial::Pem(pem.into()),
        }
    }

    /// A key as multibase, to be shown in `assertionMethod`.
    pub fn multibase(id: Url, owner: Url, multibase: impl Into<String>) -> Self {
        Self {
            id,
            owner,
            material: KeyMaterial::Multibase(multibase.into()),
        }
    }

    /// Reads one key; `None` when it is of a sort that is not known here.
    fn from_value(value: &Value) -> Option<Self> {
        Self::with_pem(value).or_else(|| Self::with_multibase(value))
    }

    fn with_pem(value: &Value) -> Option<Self> {
        let pem = value.get("publicKeyPem")?.as_str()?;
        Self::of(value, KeyMaterial::Pem(pem.to_owned()))
    }

    fn with_multibase(value: &Value) -> Option<Self> {
        let multibase = value.get("publicKeyMultibase")?.as_str()?;
        Self::of(value, KeyMaterial::Multibase(multibase.to_owned()))
    }

    fn of(value: &Value, material: KeyMaterial) -> Option<Self> {
        let text = |property: &str| value.get(property).and_then(Value::as_str);
        let id = parse_id(text("id")?)?;
        let owner = parse_id(text("owner").or_else(|| text("controller"))?)?;
        let fits = material.as_str().len() <= MAX_KEY_BYTES;
        fits.then_some(Self {
            id,
            owner,
            material,
        })
    }

    fn to_value(&self) -> Value {
        let mut writer = Writer::default();
        writer.url("id", Some(&self.id));
        match &self.material {
            KeyMaterial::Pem(pem) => {
                writer.url("owner", Some(&self.owner));
                writer.put("publicKeyPem", pem.as_str().into());
            }
            KeyMaterial::Multibase(multibase) => {
                writer.put("type", "Multikey".into());
                writer.url("controller", Some(&self.owner));
                writer.put("publicKeyMultibase", multibase.as_str().into());
            }
        }
        Value::Object(writer.typed())
    }

    fn is_pem(&self) -> bool {
        matches!(self.material, KeyMaterial::Pem(_))
    }
}

impl KeyMaterial {
    /// The text, of whichever sort.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pem(text) | Self::Multibase(text) => text,
        }
    }
}

/// Reads the keys of an actor, those of `publicKey` first: PEM there, multibase in
/// `assertionMethod`, each where it is written again.
pub(super) fn read(reader: &mut Reader) -> Result<Vec<ActorKey>, VocabError> {
    type ReadKey = fn(&Value) -> Option<ActorKey>;
    let mut keys = Vec::new();
    let sorts: [(_, ReadKey); 2] = [
        ("publicKey", ActorKey::with_pem),
        ("assertionMethod", ActorKey::with_multibase),
    ];
    for (property, key) in sorts {
        let Some(value) = reader.take(property) else {
            continue;
        };
        let list = super::reader::entries(&value);
        if list.len() > MAX_KEYS {
            let limit = MAX_KEYS;
            return Err(VocabError::TooMany { property, limit });
        }
        let before = keys.len();
        keys.extend(list.iter().filter_map(key));
        let written: Vec<Value> = keys.iter().skip(before).map(ActorKey::to_value).collect();
        if written != list {
            reader.keep(property, value);
        }
    }
    Ok(keys)
}

/// Writes keys: PEM as `publicKey`, multibase as `assertionMethod`.
pub(super) fn write(writer: &mut Writer, keys: &[ActorKey]) {
    let (pem, multibase): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.is_pem());
    match pem.as_slice() {
        [single] => writer.put("publicKey", single.to_value()),
        list => writer.list("publicKey", list, |key| key.to_value()),
    }
    writer.list("assertionMethod", &multibase, |key| key.to_value());
}

/// What a key id resolves to when it is not an actor's own URL: a key that stands alone, or an
/// actor of which perhaps only the key is shown (as `GoToSocial` does for `/main-key`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyDocument {
    /// A key that names its owner.
    Key(ActorKey),
    /// An actor's document, whole or not, with this id.
    Actor(Url),
}

impl KeyDocument {
    /// Reads whichever of the two it is.
    ///
    /// # Errors
    /// [`VocabError`] when it is neither.
    ///
    /// # Security
    /// Neither form proves anything: the owner's own document has to list the key.
    pub fn from_map(map: &Map<String, Value>) -> Result<Self, VocabError> {
        if map.contains_key("publicKeyPem") || map.contains_key("publicKeyMultibase") {
            let key = ActorKey::from_value(&Value::Object(map.clone()));
            return key.map(Self::Key).ok_or(VocabError::Malformed {
                property: "publicKeyPem",
                expected: "a key with an id and an owner",
            });
        }
        let id = map.get("id").and_then(Value::as_str);
        let id = id.ok_or(VocabError::Missing { property: "id" })?;
        parse_id(id).map(Self::Actor).ok_or(VocabError::Malformed {
            property: "id",
            expected: "an http or https URL",
        })
    }

    /// Reads bytes; see [`KeyDocument::from_map`].
    ///
    /// # Errors
    /// [`VocabError`] when the bytes are neither.
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabError> {
        Self::from_map(&json::parse(bytes)?)
    }
}
