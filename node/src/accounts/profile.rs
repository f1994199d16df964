//! What people show of themselves beside name and text; rules without IO.

use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::sql_types::Text;
use federation_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::error::AccountError;
use super::model::check_text;
use crate::base::ids::MediaId;

/// Fields of a profile at most.
pub const MAX_FIELDS: usize = 8;
/// Characters in the name of a field at most.
pub const MAX_FIELD_NAME: usize = 64;
/// Characters in the value of a field at most.
pub const MAX_FIELD_VALUE: usize = 256;
/// Characters in a status at most.
const MAX_STATUS: usize = 128;
/// Characters in the emoji of a status at most: some are many code points long.
const MAX_EMOJI: usize = 32;
/// Characters in the seed of a drawn picture at most.
const MAX_SEED: usize = 64;
/// Bytes in the address of a picture at most.
const MAX_PICTURE_URL: usize = 2048;

/// What a person shows beside name and text; stored as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromSqlRow)]
#[serde(default)]
pub struct Profile {
    /// The picture of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Picture>,
    /// The wide picture above the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banner: Option<Picture>,
    /// The colour of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent_color: Option<Color>,
    /// Names and values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What the person is up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// A picture: a reference to one, or how clients draw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Picture {
    /// A picture by its address, or an uploaded file.
    Image {
        /// The address, by https.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The uploaded file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media: Option<MediaId>,
    },
    /// A pattern that clients draw from the seed.
    Identicon {
        /// Another seed gives another pattern.
        seed: String,
    },
    /// One colour.
    Solid {
        /// The colour.
        color: Color,
    },
}

/// A colour as `#rrggbb`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^#[0-9a-f]{6}$")]
pub struct Color(String);

/// The text is not a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a colour: expected #rrggbb")]
pub struct InvalidColor;

/// A name and a value, such as `Pronouns` and `they`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The value, as text.
    pub value: String,
}

/// What a person is up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// In words.
    #[serde(default)]
    pub text: String,
    /// An emoji in front of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// When it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// What happens to a value of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is taken away.
    Remove,
    /// It becomes this one.
    Set(T),
}

impl<T> Change<T> {
    /// The new value, when there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Remove => None,
        }
    }

    /// Whether it leaves things as they are.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    fn apply(&self, to: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Self::Keep => {}
            Self::Remove => *to = None,
            Self::Set(value) => *to = Some(value.clone()),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    /// Reads `null` as removal; an absent member is its default.
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(value)?.map_or(Self::Remove, Self::Set))
    }
}

/// What a member changes of a [`Profile`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The picture of the person.
    pub avatar: Change<Picture>,
    /// The wide picture.
    pub banner: Change<Picture>,
    /// The colour.
    pub accent_color: Change<Color>,
    /// All names and values; `None` leaves them.
    pub fields: Option<Vec<Field>>,
    /// What the person is up to.
    pub status: Change<Status>,
}

impl Changes {
    /// Holds the new values against their rules.
    ///
    /// # Errors
    /// Names the first that breaks its rule.
    pub fn check(&self, now: Timestamp) -> Result<(), AccountError> {
        if let Some(avatar) = self.avatar.value() {
            avatar.check("avatar")?;
        }
        if let Some(banner) = self.banner.value() {
            banner.check("banner")?;
        }
        for field in self.fields.iter().flatten() {
            if field.name.trim().is_empty() {
                return Err(AccountError::InvalidProfile {
                    field: "fields",
                    rule: "each has a name",
                });
            }
            check_text("fields", Some(&field.name), MAX_FIELD_NAME, false)?;
            check_text("fields", Some(&field.value), MAX_FIELD_VALUE, false)?;
        }
        if self
            .fields
            .as_ref()
            .is_some_and(|fields| fields.len() > MAX_FIELDS)
        {
            return Err(AccountError::InvalidProfile {
                field: "fields",
                rule: "there are at most 8",
            });
        }
        match self.status.value() {
            Some(status) => status.check(now),
            None => Ok(()),
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Makes the changes.
    pub fn apply(&self, profile: &mut Profile) {
        self.avatar.apply(&mut profile.avatar);
        self.banner.apply(&mut profile.banner);
        self.accent_color.apply(&mut profile.accent_color);
        if let Some(fields) = &self.fields {
            profile.fields.clone_from(fields);
        }
        self.status.apply(&mut profile.status);
    }
}

impl Picture {
    /// A picture by its address, when that is one that may be shown.
    pub fn at(url: &Url) -> Option<Self> {
        is_picture_url(url).then(|| Self::Image {
            url: Some(url.as_str().to_owned()),
            media: None,
        })
    }

    fn check(&self, field: &'static str) -> Result<(), AccountError> {
        let broken = |rule| Err(AccountError::InvalidProfile { field, rule });
        match self {
            Self::Image {
                url: Some(url),
                media: None,
            } => match Url::parse(url) {
                Ok(url) if is_picture_url(&url) => Ok(()),
                _ => broken("an address is an https URL without a name or password in it"),
            },
            Self::Image {
                url: None,
                media: Some(_),
            } => Ok(()),
            Self::Image { .. } => broken("an image has either a url or a media id"),
            Self::Identicon { seed } if field == "avatar" => {
                check_text("avatar", Some(seed), MAX_SEED, false)
            }
            Self::Solid { .. } if field == "banner" => Ok(()),
            Self::Identicon { .. } => broken("its kind is image or solid"),
            Self::Solid { .. } => broken("its kind is image or identicon"),
        }
    }
}

fn is_picture_url(url: &Url) -> bool {
    url.scheme() == "https"
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.as_str().len() <= MAX_PICTURE_URL
}

impl Status {
    fn check(&self, now: Timestamp) -> Result<(), AccountError> {
        check_text("status", Some(&self.text), MAX_STATUS, false)?;
        check_text("status", self.emoji.as_deref(), MAX_EMOJI, false)?;
        let broken = |rule| {
            Err(AccountError::InvalidProfile {
                field: "status",
                rule,
            })
        };
        if self.text.trim().is_empty() && self.emoji.is_none() {
            return broken("it has a text or an emoji; null takes it away");
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return broken("its end is in the future");
        }
        Ok(())
    }
}

impl Color {
    /// The colour as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Color {
    type Err = InvalidColor;

    fn from_str(text: &str) -> Result<Self, InvalidColor> {
        let digits = text.strip_prefix('#').ok_or(InvalidColor)?;
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidColor)
        }
    }
}

impl TryFrom<String> for Color {
    type Error = InvalidColor;

    fn try_from(text: String) -> Result<Self, InvalidColor> {
        text.parse()
    }
}

impl Profile {
    /// The profile as it is stored.
    pub(super) fn to_text(&self) -> String {
        // Nothing in it can fail to be written; an empty profile is the safe answer all the same.
        serde_json::to_string(self).unwrap_or_else(|_unwritable| "{}".to_owned())
    }
}

impl<DB> FromSql<Text, DB> for Profile
where
    DB: diesel::backend::Backend,
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(serde_json::from_str(&String::from_sql(bytes)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str) -> Result<(), AccountError> {
        let picture: Picture = serde_json::from_str(body).unwrap();
        picture.check("avatar")
    }

    #[test]
    fn pictures_are_references_that_are_safe_to_show() {
        assert!(check(r#"{"kind":"image","url":"https://a.example/x.png"}"#).is_ok());
        assert!(check(r#"{"kind":"identicon","seed":"x"}"#).is_ok());
        for wrong in [
            r#"{"kind":"image"}"#,
            r#"{"kind":"image","url":"http://a.example/x.png"}"#,
            r#"{"kind":"image","url":"javascript:alert(1)"}"#,
            r#"{"kind":"image","url":"https://user:pass@a.example/x.png"}"#,
            r#"{"kind":"image","url":"https://a.example/","media":"0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11"}"#,
            r##"{"kind":"solid","color":"#00ff00"}"##,
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn colours_are_six_digits() {
        assert_eq!("#AbCdEf".parse::<Color>().unwrap().as_str(), "#abcdef");
        for wrong in ["", "#fff", "abcdef", "#ggg000", "#ééé"] {
            assert!(wrong.parse::<Color>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn null_takes_away_and_absence_leaves() {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            status: Change<Status>,
        }
        let read = |text: &str| serde_json::from_str::<Body>(text).unwrap().status;
        assert_eq!(read("{}"), Change::Keep);
        assert_eq!(read(r#"{"status":null}"#), Change::Remove);
        assert!(matches!(read(r#"{"status":{"text":"x"}}"#), Change::Set(_)));
    }
}
