//! Searches as queries of addresses and as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::actions::{Order, Search};
use super::cursor::SearchCursor;
use super::query::Query;
use super::scope::Within;
use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::page::PageQuery;
use crate::messages::wire::MessageView;
use crate::platform::http::error::ApiError;

/// The query of a search.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchQuery {
    q: String,
    community: Option<CommunityId>,
    channel: Option<ChannelId>,
    author: Option<UserId>,
    after_date: Option<String>,
    before_date: Option<String>,
    has_attachment: Option<bool>,
    #[serde(default)]
    order: Order,
    before: Option<SearchCursor>,
    after: Option<SearchCursor>,
    limit: Option<u32>,
}

/// A message that was found.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FoundMessage {
    /// The message.
    pub message: MessageView,
    /// The part of it that answers, as HTML: the text escaped, what was searched for in `<mark>`.
    pub excerpt: String,
}

impl SearchQuery {
    /// What is asked for, and which page of it; of `channel` alone where the address names one.
    ///
    /// # Errors
    /// A value cannot be read.
    pub(super) fn read(
        self,
        channel: Option<ChannelId>,
    ) -> Result<(Search, PageQuery<SearchCursor>), ApiError> {
        if channel.is_some() && (self.channel.is_some() || self.community.is_some()) {
            return Err(unreadable("The address names the channel already."));
        }
        let query = Query::parse(&self.q)
            .map_err(|error| ApiError::bad_request("invalid_search", error.to_string()))?;
        let search = Search {
            query,
            within: Within {
                community: self.community,
                channel: channel.or(self.channel),
            },
            author: self.author,
            since: self.after_date.as_deref().map(moment).transpose()?,
            until: self.before_date.as_deref().map(moment).transpose()?,
            has_attachment: self.has_attachment,
            order: self.order,
        };
        let page = PageQuery {
            before: self.before,
            after: self.after,
            limit: self.limit,
        };
        Ok((search, page))
    }
}

/// A day, from its beginning in UTC, or a moment (RFC 3339).
fn moment(text: &str) -> Result<Timestamp, ApiError> {
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    let found = Timestamp::parse_rfc3339(text).or_else(day);
    found.ok_or_else(|| {
        let detail = "Write a date as 2026-11-23, or a moment as 2026-11-23T08:30:00Z.";
        ApiError::bad_request("invalid_search", detail)
    })
}

fn unreadable(detail: &str) -> ApiError {
    ApiError::bad_request("invalid_query", detail)
}
