//! What is asked for and kept of pages; no IO.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::fetch::{DomainPolicy as _, site_of};
use openssl::sha::sha256;
use url::Url;

use crate::base::ids::MessageId;
use crate::base::text;
use crate::base::words::words;
use crate::config::Origin;
use crate::messages::model::{Message, uri_of};
use crate::platform::db::schema::{message_previews, previews};
use crate::platform::domains::Domains;

/// Pages of one message at most (I11).
pub(super) const MOST: usize = 3;
/// Bytes of an address at most.
const LONGEST: usize = 2048;
/// How long what was read of a page counts, and that it says nothing.
pub(super) const KEPT: Duration = Duration::from_hours(24);
/// How long it counts that a page could not be read.
const FAILED_KEPT: Duration = Duration::from_hours(1);
/// How old the text of a message may be to be asked for: what is older is history that came late.
const TOO_OLD: Duration = Duration::from_hours(24);
/// The time within which the nodes that got a message ask for its pages, each at a moment of its own.
const SPREAD_MILLIS: u64 = 60_000;

words! {
    /// What is known of a page.
    pub enum State {
        /// Nothing yet.
        Wanted = "wanted",
        /// It says something of itself.
        Described = "described",
        /// It says nothing of itself.
        Bare = "bare",
        /// It could not be read.
        Failed = "failed",
    }
}

/// A page that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = previews)]
pub(super) struct Page {
    /// SHA-256 of its address.
    pub(super) digest: String,
    /// Its address, without a fragment.
    pub(super) url: String,
    /// Under which name the requests to it are counted together with others.
    pub(super) site: String,
    /// What is known of it.
    pub(super) state: State,
    /// What it says of itself.
    pub(super) title: Option<String>,
    /// What it is about.
    pub(super) description: Option<String>,
    /// The name of its site.
    pub(super) site_name: Option<String>,
    /// When it is to be fetched; milliseconds since the Unix epoch.
    pub(super) due_at: Option<i64>,
    /// When it was fetched last; milliseconds since the Unix epoch.
    pub(super) fetched_at: Option<i64>,
}

/// A page as a message shows it, or waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_previews)]
pub(super) struct Shown {
    /// The message.
    pub(super) message_id: MessageId,
    /// Its place among the links of the message.
    pub(super) position: i32,
    /// The address as it stands in the message.
    pub(super) url: String,
    /// The digest of the page that is waited for.
    pub(super) waiting_for: Option<String>,
    /// The title, once it is there.
    pub(super) title: Option<String>,
    /// What it is about.
    pub(super) description: Option<String>,
    /// The name of its site.
    pub(super) site_name: Option<String>,
}

/// What a page says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) site_name: Option<String>,
}

/// What came of fetching a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It says this.
    Described(Description),
    /// It says nothing of itself, or is no page.
    Bare,
    /// It could not be read.
    Failed,
}

impl Page {
    /// Whether what is known of it counts still.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        let kept = match self.state {
            State::Wanted => return false,
            State::Described | State::Bare => KEPT,
            State::Failed => FAILED_KEPT,
        };
        let until = |at| Timestamp::from_millis(at).plus(kept);
        self.due_at.is_none() && self.fetched_at.is_some_and(|at| until(at) > now)
    }

    /// What it says of itself.
    pub(super) fn description(&self) -> Option<Description> {
        let title = self.title.clone()?;
        (self.state == State::Described).then(|| Description {
            title,
            description: self.description.clone(),
            site_name: self.site_name.clone(),
        })
    }
}

/// A link of a message that is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// As it stands in the message.
    pub(super) url: String,
    /// The page, as it is asked for.
    pub(super) page: Url,
}

impl Link {
    /// The name of its page in the table.
    pub(super) fn digest(&self) -> String {
        BASE64URL.encode(sha256(self.page.as_str().as_bytes()))
    }

    /// Under which name the requests to it are counted together with others.
    pub(super) fn site(&self) -> String {
        site_of(&self.page)
    }
}

/// The links of a message whose pages are shown with it: the first few that everybody sees, none in
/// angle brackets, none of this node, and none of a domain that is blocked or whose files are passed
/// over.
pub(super) fn links(origin: &Origin, domains: &Domains, message: &Message) -> Vec<Link> {
    let found = text::links(&message.html);
    if found.is_empty() {
        return Vec::new();
    }
    let bracketed = text::bracketed(&message.content);
    let kept_out: HashSet<Url> = bracketed.iter().filter_map(|url| page(url)).collect();
    let mut links: Vec<Link> = Vec::new();
    for url in found {
        let Some(page) = page(&url) else { continue };
        let host = page.host_str().unwrap_or_default();
        let is_shown = !is_own(origin, &page)
            && !kept_out.contains(&page)
            && !domains.is_blocked(host)
            && !domains.rejects_media(host);
        if is_shown && links.iter().all(|link| link.page != page) {
            links.push(Link { url, page });
        }
        if links.len() >= MOST {
            break;
        }
    }
    links
}

/// The page that an address leads to, without a fragment; `None` when it is none to be asked for.
fn page(url: &str) -> Option<Url> {
    if url.len() > LONGEST {
        return None;
    }
    let mut page = Url::parse(url).ok()?;
    page.set_fragment(None);
    let is_page = matches!(page.scheme(), "http" | "https")
        && page.host_str().is_some_and(|host| !host.is_empty())
        && page.username().is_empty()
        && page.password().is_none()
        && page.as_str().len() <= LONGEST;
    is_page.then_some(page)
}

/// Whether a page is of this node, in either scheme.
fn is_own(origin: &Origin, page: &Url) -> bool {
    let own = origin.url();
    page.host() == own.host() && page.port() == own.port()
}

/// Whether a message was said or changed too long ago.
pub(super) fn is_old(message: &Message, now: Timestamp) -> bool {
    let said = message.edited_at.unwrap_or(message.created_at);
    Timestamp::from_millis(said.max(message.created_at)).plus(TOO_OLD) < now
}

/// When the page of a link in this message is fetched: at once for what is said here; for what came
/// from another node within a minute, so that the many nodes which got it do not all ask at once.
pub(super) fn due_at(
    origin: &Origin,
    message: &Message,
    digest: &str,
    now: Timestamp,
) -> Timestamp {
    if message.uri == uri_of(origin, message.id) {
        return now;
    }
    let [first, second, ..] = sha256(format!("{} {digest}", origin.as_str()).as_bytes());
    let share = u64::from(u16::from_be_bytes([first, second]));
    now.plus(Duration::from_millis(SPREAD_MILLIS * share / 65_536))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ChannelId, UserId};

    fn message(content: &str, uri: Option<&str>) -> Message {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let id = MessageId::new(now);
        let own = uri_of(&origin(), id);
        Message {
            id,
            channel_id: ChannelId::new(now),
            seq: 1,
            author_id: UserId::new(now),
            uri: uri.map_or(own, str::to_owned),
            content: content.to_owned(),
            html: text::render(content),
            reply_to: None,
            created_at: now.as_millis(),
            edited_at: None,
            deleted_at: None,
            origin_updated_at: None,
        }
    }

    fn origin() -> Origin {
        Origin::new(&Url::parse("https://chat.example/").unwrap())
    }

    fn pages(content: &str) -> Vec<String> {
        let domains = Domains::default();
        domains.block("evil.example").unwrap();
        let found = links(&origin(), &domains, &message(content, None));
        found.into_iter().map(|link| link.page.into()).collect()
    }

    #[test]
    fn the_first_links_that_everybody_sees_are_shown() {
        let two = vec!["https://a.example/", "https://b.example/?q=1"];
        let three = vec![
            "https://a.example/",
            "https://b.example/",
            "https://c.example/",
        ];
        for (content, expected) in [
            (
                "https://a.example/#x https://a.example/#y https://b.example/?q=1",
                two,
            ),
            (
                "<https://a.example/> https://b.example/",
                vec!["https://b.example/"],
            ),
            ("<https://a.example/> and https://a.example/", vec![]),
            ("`https://a.example/` ||https://b.example/||", vec![]),
            ("https://chat.example/x http://chat.example/x", vec![]),
            ("https://evil.example/ https://www.evil.example/", vec![]),
            ("https://me:secret@a.example/ mailto:a@b.example", vec![]),
            (
                "https://a.example https://b.example https://c.example https://d.example",
                three,
            ),
        ] {
            assert_eq!(pages(content), expected, "{content}");
        }
        let long = format!("https://a.example/{}", "x".repeat(LONGEST));
        assert!(pages(&long).is_empty());
    }

    #[test]
    fn pages_of_other_nodes_are_asked_for_within_a_minute() {
        let (here, there) = (
            message("x", None),
            message("x", Some("https://other.example/1")),
        );
        let now = Timestamp::from_millis(here.created_at);
        assert_eq!(due_at(&origin(), &here, "x", now), now);
        let digests = ["a", "b", "c", "d"];
        let waits = digests.map(|digest| due_at(&origin(), &there, digest, now).since(now));
        assert!(waits.iter().all(|wait| *wait < Duration::from_mins(1)));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
        assert!(!is_old(&there, now));
        assert!(is_old(&there, now.plus(Duration::from_hours(25))));
    }
}
