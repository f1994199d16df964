//! `NodeInfo` 2.1 and 2.0: what software a server runs, and how many use it.

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use crate::vocab::parse_id;

/// Characters of a name or version that are kept.
const MAX_NAME: usize = 128;

/// A `NodeInfo` 2.1 document.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NodeInfo {
    /// The version of the schema.
    pub version: String,
    /// What runs there.
    pub software: Software,
    /// The protocols it federates by.
    pub protocols: Vec<String>,
    /// Connected services of other kinds.
    services: Services,
    /// Whether anybody may sign up.
    pub open_registrations: bool,
    /// How many use it.
    usage: Usage,
    /// Anything else.
    pub metadata: Map<String, Value>,
}

/// What software a server runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Software {
    /// The name, in lower-case letters, digits and dashes.
    pub name: String,
    /// The version.
    pub version: String,
    /// Where its source is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<Url>,
    /// Its page for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<Url>,
}

impl Software {
    /// A name and a version.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            repository: None,
            homepage: None,
        }
    }
}

/// How many people use a server; what is absent is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserCounts {
    /// All accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Accounts that were active in the last 180 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_halfyear: Option<u64>,
    /// Accounts that were active in the last 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_month: Option<u64>,
}

impl UserCounts {
    /// The three counts.
    pub const fn new(total: u64, active_halfyear: u64, active_month: u64) -> Self {
        Self {
            total: Some(total),
            active_halfyear: Some(active_halfyear),
            active_month: Some(active_month),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Services {
    inbound: Vec<String>,
    outbound: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    users: UserCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_posts: Option<u64>,
}

impl NodeInfo {
    /// The document of a server that federates by `ActivityPub`.
    pub fn new(software: Software, open_registrations: bool) -> Self {
        Self {
            version: "2.1".to_owned(),
            software,
            protocols: vec!["activitypub".to_owned()],
            services: Services::default(),
            open_registrations,
            usage: Usage::default(),
            metadata: Map::new(),
        }
    }

    /// The same document with these counts.
    #[must_use]
    pub fn with_usage(mut self, users: UserCounts, local_posts: Option<u64>) -> Self {
        self.usage = Usage { users, local_posts };
        self
    }

    /// The same as a document of version 2.0, whose schema has no place for the links of the
    /// software.
    #[must_use]
    pub fn into_version_2_0(mut self) -> Self {
        "2.0".clone_into(&mut self.version);
        self.software.repository = None;
        self.software.homepage = None;
        self
    }

    /// How many people use the server.
    pub fn users(&self) -> UserCounts {
        self.usage.users
    }

    /// How many posts its own people have made.
    pub fn local_posts(&self) -> Option<u64> {
        self.usage.local_posts
    }

    /// Reads a document of any version; `None` when it does not even name its software.
    ///
    /// Names are cut after 128 characters and are not sanitised.
    pub fn from_map(map: &Map<String, Value>) -> Option<Self> {
        let software = map.get("software")?;
        let name = text(software.get("name"))?;
        let version = text(software.get("version")).unwrap_or_default();
        let mut read = Software::new(name, version);
        let link = |property: &str| parse_id(software.get(property)?.as_str()?);
        read.repository = link("repository");
        read.homepage = link("homepage");
        let open = map.get("openRegistrations").and_then(Value::as_bool);
        let mut info = Self::new(read, open.unwrap_or(false));
        if let Some(version) = text(map.get("version")) {
            info.version = version;
        }
        info.protocols = protocols(map.get("protocols"));
        let usage = map.get("usage");
        let users = usage.and_then(|usage| usage.get("users"));
        let count = |value: Option<&Value>, property: &str| value?.get(property)?.as_u64();
        info.usage = Usage {
            users: UserCounts {
                total: count(users, "total"),
                active_halfyear: count(users, "activeHalfyear"),
                active_month: count(users, "activeMonth"),
            },
            local_posts: count(usage, "localPosts"),
        };
        if let Some(Value::Object(metadata)) = map.get("metadata") {
            info.metadata.clone_from(metadata);
        }
        Some(info)
    }
}

/// Protocols as a list (2.x), or as lists for each direction (1.0).
fn protocols(value: Option<&Value>) -> Vec<String> {
    let inbound = value.and_then(|value| value.get("inbound"));
    let list = inbound.or(value).and_then(Value::as_array);
    let names = list.into_iter().flatten().take(16);
    names.filter_map(|name| text(Some(name))).collect()
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    Some(text.chars().take(MAX_NAME).collect())
}
