//! Identifiers: which texts are accepted as the id of an actor, activity or object.

use std::cell::RefCell;
use std::sync::LazyLock;

use url::Url;

/// Bytes of an identifier that are read at most.
pub const MAX_ID_BYTES: usize = 2048;

/// The collection that stands for everybody (`ActivityPub` s5.6), in its full form.
pub const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// Reads an identifier: an absolute `http` or `https` URL with a host and without user info.
///
/// `None` for everything else. The one reader of identifiers, so that no two checks can see
/// different hosts in one text: white space, control characters and backslashes, which URL
/// parsers repair in different ways, are refused and not repaired.
pub fn parse_id(text: &str) -> Option<Url> {
    RECENT.with_borrow_mut(|recent| recent.read(text))
}

fn read(text: &str) -> Option<Url> {
    let odd = |byte: u8| byte <= b' ' || byte == 0x7f || byte == b'\\';
    if text.len() > MAX_ID_BYTES || text.bytes().any(odd) {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (plain && url.has_host()).then_some(url)
}

/// Identifiers that are remembered, and how long they are at most.
const REMEMBERED: usize = 8;
const MAX_REMEMBERED_BYTES: usize = 256;

thread_local! {
    static RECENT: RefCell<Recent> = const { RefCell::new(Recent::new()) };
}

/// The identifiers that this thread read last. A document names its actor, its object and its
/// recipients several times each, and a copy costs a tenth of a reading.
struct Recent {
    /// Only those that are written as they are read, so that a URL is its own text.
    urls: [Option<Url>; REMEMBERED],
    oldest: usize,
}

impl Recent {
    const fn new() -> Self {
        Self {
            urls: [const { None }; REMEMBERED],
            oldest: 0,
        }
    }

    fn read(&mut self, text: &str) -> Option<Url> {
        let mut known = self.urls.iter().flatten();
        if let Some(url) = known.find(|url| url.as_str() == text) {
            return Some(url.clone());
        }
        let url = read(text)?;
        if text.len() <= MAX_REMEMBERED_BYTES
            && url.as_str() == text
            && let Some(place) = self.urls.get_mut(self.oldest)
        {
            *place = Some(url.clone());
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
        Some(url)
    }
}

/// Whether the text names the public collection in any of its forms.
pub fn is_public(text: &str) -> bool {
    matches!(text, PUBLIC | "as:Public" | "Public")
}

/// [`PUBLIC`] as a URL.
///
/// # Panics
/// Never: the text is a constant that a test reads.
#[expect(clippy::expect_used, reason = "a constant, read by a test")]
pub fn public_url() -> Url {
    static URL: LazyLock<Url> =
        LazyLock::new(|| Url::parse(PUBLIC).expect("the public collection is a valid URL"));
    URL.clone()
}

/// Whether two URLs have scheme, host and port in common (RFC 6454 s5, for `http` and `https`).
///
/// URLs without a host have no origin in common with anything, not even with themselves.
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.has_host()
        && one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}
