//! Previews as JSON.

use serde::Serialize;

use crate::base::ids::{ChannelId, MessageId};

/// What a page says of itself that a message links to; plain texts, which whoever runs that page chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PreviewView {
    /// The address as it stands in the message.
    pub url: String,
    /// The title, at most 300 characters.
    pub title: String,
    /// What the page is about, at most 500 characters.
    pub description: Option<String>,
    /// The name of the site, at most 100 characters.
    pub site_name: Option<String>,
}

/// What the event `message.previews` carries.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PreviewsEvent {
    pub(super) message_id: MessageId,
    pub(super) channel_id: ChannelId,
    pub(super) previews: Vec<PreviewView>,
}
