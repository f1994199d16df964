//! What can go wrong in a community, and how a client is told.

use std::time::Duration;

use federation_core::store::sql::DatabaseError;

use crate::base::permission::Permission;
use crate::platform::http::error::ApiError;

/// Why something in a community is refused.
#[derive(Debug, thiserror::Error)]
pub enum CommunityError {
    /// There is no such thing, or whoever asks may not know of it.
    #[error("There is nothing here.")]
    NotFound,
    /// Who acts lacks a permission.
    #[error("This takes the permission {0}.")]
    Missing(Permission),
    /// Who acts is silenced.
    #[error("You are silenced here for now.")]
    TimedOut,
    /// The person or role stands as high as the one who acts, or higher.
    #[error("They stand as high as you, or higher.")]
    OutOfReach,
    /// Something was to be given, taken or changed that the one who acts does not hold.
    #[error("You can give and take only what you hold.")]
    NotHeld,
    /// Only its owner may do this.
    #[error("Only the owner of the community can do this.")]
    OwnerOnly,
    /// The owner has to hand the community over first.
    #[error("The community is yours: hand it over first, or delete it.")]
    OwnerStays,
    /// The owner is not removed.
    #[error("The community is theirs: it has to be handed over first.")]
    OwnerIsKept,
    /// The default community stays.
    #[error("The default community cannot be deleted.")]
    DefaultStays,
    /// A text breaks its rule.
    #[error("{0}")]
    InvalidText(&'static str),
    /// The slug breaks its rule.
    #[error("A slug has 2 to 32 of a-z, 0-9 and -, and begins and ends with a letter or digit.")]
    InvalidSlug,
    /// Another community has that slug.
    #[error("Another community has that address.")]
    SlugTaken,
    /// A colour is not one.
    #[error("Write a colour as #rrggbb.")]
    InvalidColour,
    /// The role of everyone is not given, taken, renamed or deleted.
    #[error("That cannot be done with the role of everyone.")]
    RoleOfEveryone,
    /// The list does not name every role that may be ordered, once.
    #[error("Name each of the things to be ordered once, and no other.")]
    InvalidOrder,
    /// There are as many as there may be.
    #[error("There are too many {what}: at most {most}.")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: i64,
    },
    /// The person is not a member.
    #[error("They are not in this community.")]
    NotAMember,
    /// The person is banned.
    #[error("You are banned from this community.")]
    Banned,
    /// The invitation is not good.
    #[error("The invitation is not good, or no longer.")]
    InvalidInvite,
    /// The terms of an invitation or ban are out of bounds.
    #[error("{0}")]
    InvalidTerms(&'static str),
    /// The kind of channel does not fit there.
    #[error("{0}")]
    InvalidPlace(&'static str),
    /// Nothing can be added to the channel any more.
    #[error("The channel is archived.")]
    Archived,
    /// The member wrote a moment ago.
    #[error("The channel is in slow mode: wait a little.")]
    SlowMode(Duration),
    /// The system has no random bytes.
    #[error(transparent)]
    Random(#[from] openssl::error::ErrorStack),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Another part refused.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl From<diesel::result::Error> for CommunityError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<CommunityError> for ApiError {
    fn from(error: CommunityError) -> Self {
        let detail = error.to_string();
        match error {
            CommunityError::NotFound => Self::not_found(),
            CommunityError::Missing(_) => Self::forbidden("missing_permission", detail),
            CommunityError::TimedOut => Self::forbidden("timed_out", detail),
            CommunityError::OutOfReach => Self::forbidden("out_of_reach", detail),
            CommunityError::NotHeld => Self::forbidden("permission_not_held", detail),
            CommunityError::OwnerOnly => Self::forbidden("owner_only", detail),
            CommunityError::OwnerStays | CommunityError::OwnerIsKept => {
                Self::conflict("owner_stays", detail)
            }
            CommunityError::DefaultStays => Self::conflict("default_community", detail),
            CommunityError::InvalidText(_) => Self::invalid("invalid_community_text", detail),
            CommunityError::InvalidSlug => Self::invalid("invalid_slug", detail),
            CommunityError::SlugTaken => Self::conflict("slug_taken", detail),
            CommunityError::InvalidColour => Self::invalid("invalid_colour", detail),
            CommunityError::RoleOfEveryone => Self::conflict("role_of_everyone", detail),
            CommunityError::InvalidOrder => Self::invalid("invalid_order", detail),
            CommunityError::TooMany { .. } => Self::conflict("too_many", detail),
            CommunityError::NotAMember => Self::invalid("not_a_member", detail),
            CommunityError::Banned => Self::forbidden("banned", detail),
            CommunityError::InvalidInvite => Self::forbidden("invalid_community_invite", detail),
            CommunityError::InvalidTerms(_) => Self::invalid("invalid_terms", detail),
            CommunityError::InvalidPlace(_) => Self::invalid("invalid_place", detail),
            CommunityError::Archived => Self::conflict("channel_archived", detail),
            CommunityError::SlowMode(wait) => {
                let status = http::StatusCode::TOO_MANY_REQUESTS;
                Self::new(status, "slow_mode", detail).after(wait)
            }
            CommunityError::Random(error) => Self::internal(error),
            CommunityError::Database(error) => error.into(),
            CommunityError::Api(error) => error,
        }
    }
}
