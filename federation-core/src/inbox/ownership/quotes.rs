//! Quotes by consent: the stamp with which an author allows one (FEP-044f).

use thiserror::Error;
use url::Url;

use crate::vocab::{Object, ObjectOrId, Value, same_origin};

/// The type of a stamp.
const KIND: &str = "QuoteAuthorization";

/// A stamp by which the author of a post allows one other post to quote it (FEP-044f,
/// "Approval stamps").
///
/// Reading it proves nothing: it has to come from its own origin (a
/// [`Document`](crate::fetch::Document) fetched there, or the `result` of an `Accept` that is
/// verified to be its author's).
///
/// ```
/// use federation_core::inbox::ownership::{QuoteError, QuoteStamp};
/// use serde_json::json;
/// use url::Url;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stamp = QuoteStamp::read(json!({
///     "type": "QuoteAuthorization", "id": "https://a.example/stamps/1",
///     "attributedTo": "https://a.example/users/alice",
///     "interactingObject": "https://b.example/notes/7",
///     "interactionTarget": "https://a.example/notes/1",
/// }))?;
/// let (quote, other) = ("https://b.example/notes/7", "https://b.example/notes/8");
/// let quoted = Url::parse("https://a.example/notes/1")?;
/// let author = Url::parse("https://a.example/users/alice")?;
/// assert!(stamp.allows(&quote.parse()?, &quoted, &author).is_ok());
/// assert_eq!(stamp.allows(&other.parse()?, &quoted, &author), Err(QuoteError::OtherQuote));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuoteStamp {
    /// Its id; deleting it takes the permission back.
    pub id: Url,
    /// Who allows the quote.
    pub author: Url,
    /// The post that may quote.
    pub quote: Url,
    /// The post that may be quoted.
    pub quoted: Url,
}

/// Why a stamp allows nothing. None of these is worth a retry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuoteError {
    /// It is not a stamp, or a property of it is missing or of another shape.
    #[error("`{property}` of the stamp is missing or of another shape")]
    Malformed {
        /// The property.
        property: &'static str,
    },
    /// The stamp, or the post it is about, lies elsewhere than its author.
    #[error("the stamp lies elsewhere than its author")]
    Elsewhere,
    /// It was made for another quote.
    #[error("the stamp is for another quote")]
    OtherQuote,
    /// It was made for another post.
    #[error("the stamp is for another quoted post")]
    OtherPost,
    /// It was made by somebody else than the author of the quoted post.
    #[error("the stamp is not by the author of the quoted post")]
    NotTheAuthor,
}

impl QuoteError {
    /// Whether the same stamp may be good later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

impl QuoteStamp {
    /// Reads a stamp.
    ///
    /// # Errors
    /// [`QuoteError::Malformed`], and [`QuoteError::Elsewhere`] for a stamp on another origin than
    /// its author.
    ///
    /// # Security
    /// Whatever is embedded in it is read for its id alone.
    pub fn read(stamp: Value) -> Result<Self, QuoteError> {
        let malformed = |property| QuoteError::Malformed { property };
        let object = Object::from_value(stamp).map_err(|_fault| malformed("type"))?;
        if object.kind.as_str() != KIND {
            return Err(malformed("type"));
        }
        let id = object.id.clone().ok_or_else(|| malformed("id"))?;
        let author = match object.attributed_to.as_slice() {
            [author] => author.clone(),
            _ => return Err(malformed("attributedTo")),
        };
        let one = |property: &'static str| {
            let value = object.extra.get(property).cloned();
            let value = match value {
                Some(Value::Array(list)) => match <[Value; 1]>::try_from(list) {
                    Ok([single]) => Some(single),
                    Err(_several) => None,
                },
                other => other,
            };
            let read = value.and_then(|value| ObjectOrId::from_value(value).ok());
            let id = read.and_then(|read| read.id().cloned());
            id.ok_or_else(|| malformed(property))
        };
        let (quote, quoted) = (one("interactingObject")?, one("interactionTarget")?);
        if !same_origin(&id, &author) {
            return Err(QuoteError::Elsewhere);
        }
        Ok(Self {
            id,
            author,
            quote,
            quoted,
        })
    }

    /// That the stamp allows the post `quote` to quote the post `quoted` of `author`.
    ///
    /// # Errors
    /// [`QuoteError`] (attack 46): a stamp is for one quote of one post.
    pub fn allows(&self, quote: &Url, quoted: &Url, author: &Url) -> Result<(), QuoteError> {
        if self.quote != *quote {
            return Err(QuoteError::OtherQuote);
        }
        if self.quoted != *quoted {
            return Err(QuoteError::OtherPost);
        }
        if self.author != *author {
            return Err(QuoteError::NotTheAuthor);
        }
        Ok(())
    }
}
