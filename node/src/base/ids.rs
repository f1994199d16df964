//! Identifiers: one type per kind of thing, all UUID version 7 (RFC 9562 s5.7).
//!
//! They sort by the time they were made, so they double as paging cursors. An id keeps its text
//! form, which is also how the databases store it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Mutex;

use federation_core::Timestamp;
use uuid::Uuid;
use uuid::timestamp::context::ContextV7;

/// Keeps ids made within one millisecond in the order in which they were made.
static SEQUENCE: AssertUnwindSafe<Mutex<ContextV7>> =
    AssertUnwindSafe(Mutex::new(ContextV7::new()));

/// The 36 characters of a UUID in lower case.
type Text = [u8; 36];

fn next(now: Timestamp) -> Text {
    let seconds = u64::try_from(now.as_seconds()).unwrap_or(0);
    let millis = u32::try_from(now.as_millis().rem_euclid(1000)).unwrap_or(0);
    let timestamp =
        uuid::Timestamp::from_unix(&SEQUENCE, seconds, millis.saturating_mul(1_000_000));
    text_of(Uuid::new_v7(timestamp))
}

fn text_of(uuid: Uuid) -> Text {
    let mut text = [0; 36];
    uuid.hyphenated().encode_lower(&mut text);
    text
}

/// The text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11")]
pub struct InvalidId;

/// Declares an identifier type.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub struct $name(Text);

        impl $name {
            /// A new identifier, made at `now`; later ones sort after it.
            pub fn new(now: Timestamp) -> Self {
                Self(next(now))
            }

            /// The text form: 36 characters, lower case.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId);
                }
                let uuid = Uuid::try_parse(text).map_err(|_not_a_uuid| InvalidId)?;
                Ok(Self(text_of(uuid)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl<DB> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, DB>,
            ) -> diesel::serialize::Result {
                self.as_str().to_sql(out)
            }
        }

        impl<DB> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                Ok(String::from_sql(bytes)?.parse()?)
            }
        }
    };
}

id! {
    /// Names a person: an account of this node, or somebody known from another one.
    UserId
}
id! {
    /// Names one sign-in: an access token and the refresh tokens that follow each other.
    SessionId
}
id! {
    /// Names a channel, which may be a direct conversation.
    ChannelId
}
id! {
    /// Names a community.
    CommunityId
}
id! {
    /// Names a role of a community.
    CommunityRoleId
}
id! {
    /// Names an invitation into a community.
    CommunityInviteId
}
id! {
    /// Names a message.
    MessageId
}
id! {
    /// Names a custom emoji of a community.
    EmojiId
}
id! {
    /// Names a reaction to a message.
    ReactionId
}
id! {
    /// Names that a message is pinned.
    PinId
}
id! {
    /// Names an uploaded file.
    MediaId
}
id! {
    /// Names a role that operators made.
    RoleId
}
id! {
    /// Names the deletion of an account.
    DeletionId
}
id! {
    /// Names an archive of a member's own data.
    ExportId
}
id! {
    /// Names a follow, asked or accepted.
    FollowId
}
id! {
    /// Names a notification of a member.
    NotificationId
}
id! {
    /// Names a member's wish to be in a channel of another node.
    JoinId
}
id! {
    /// Names a visit of a member at another node.
    VisitId
}
id! {
    /// Names an invitation to open an account.
    InviteId
}
id! {
    /// Names a passkey of a member.
    PasskeyId
}
id! {
    /// Names a message on its way to the mail server.
    MailId
}
id! {
    /// Names a request for a new password.
    ResetRequestId
}
id! {
    /// Names a key that signs access tokens.
    TokenKeyId
}
id! {
    /// Names an application that acts for members (OAuth 2.1).
    ApplicationId
}
id! {
    /// Names a person of another issuer who signs in here (OpenID Connect).
    ExternalIdentityId
}
id! {
    /// Names a personal access token, such as a bot's.
    PersonalTokenId
}
id! {
    /// Names an entry of the audit log.
    AuditId
}
id! {
    /// Names a block of an address or a network.
    BlockId
}
id! {
    /// Names a rule of what may be written.
    RuleId
}
id! {
    /// Names one state of the rules of the node or of a community.
    RuleVersion
}
id! {
    /// Names a report.
    ReportId
}
id! {
    /// Names one step in what was done about a report.
    ReportStepId
}
id! {
    /// Names a message that is to be sent later.
    ScheduledId
}
id! {
    /// Names one request, in its answer and in the log.
    RequestId
}
id! {
    /// Names one running process of this node, of which there may be several.
    ProcessId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_keep_their_order() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let ids: Vec<UserId> = (0..1000).map(|_| UserId::new(now)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(UserId::new(now.plus(std::time::Duration::from_secs(1))) > ids[999]);
    }

    #[test]
    fn reads_only_what_it_writes() {
        let id = MessageId::new(Timestamp::from_millis(1_795_190_734_032));
        assert_eq!(id.as_str().parse(), Ok(id));
        assert_eq!(id.as_str().to_uppercase().parse(), Ok(id));
        for wrong in [
            "",
            "1",
            "{0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11}",
            "../../etc/passwd",
        ] {
            assert_eq!(wrong.parse::<MessageId>(), Err(InvalidId));
        }
    }
}
