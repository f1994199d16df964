//! Collections served page by page, to those who may see them (`ActivityStreams` s5,
//! `ActivityPub` s5).
//!
//! An application implements [`PageSource`] for its followers, outboxes, conversations; [`serve()`]
//! turns a request for the URL of one into the document of the collection or of one page. Pages
//! are cut by keyset: a cursor names an entry, so the cost of a page does not depend on how deep it
//! lies, and entries that come meanwhile shift nothing. What a [`Viewer`] may see is decided by the
//! source, at each request; what somebody may not see looks as if it never was.
//!
//! With the feature `axum`, [`Collections`] routes requests to a source and finds out who asks by
//! the signature. Reading the collections of others is the part of
//! [`Directory::collection`](crate::fetch::Directory::collection) and, for conversations
//! (FEP-7888, FEP-f228), of [`Directory::conversation`](crate::fetch::Directory::conversation).
//!
//! ```
//! use std::convert::Infallible;
//! use federation_core::collection::{Cut, Outline, Page, PageSource, Viewer, serve};
//! use url::Url;
//!
//! /// Whom alice follows: everybody may count them, only alice herself sees them.
//! struct Following(Vec<Url>);
//!
//! impl PageSource for Following {
//!     type Error = Infallible;
//!
//!     async fn outline(&self, _id: &Url, viewer: &Viewer) -> Result<Option<Outline>, Infallible> {
//!         let outline = Outline::new().with_total(self.0.len() as u64);
//!         let own = viewer.actor().is_some_and(|id| id.as_str() == "https://a.example/alice");
//!         Ok(Some(if own { outline } else { outline.count_only() }))
//!     }
//!
//!     async fn page(&self, _id: &Url, cut: &Cut, _: &Viewer) -> Result<Option<Page>, Infallible> {
//!         Ok(Some(Page::new(self.0.iter().take(cut.limit()).cloned().map(Into::into).collect())))
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let following = Following(vec![Url::parse("https://b.example/bob").unwrap()]);
//! let id = Url::parse("https://a.example/alice/following").unwrap();
//! let seen = serve(&following, &id, None, &Viewer::Anonymous).await.unwrap();
//! assert_eq!(seen.document["totalItems"], 1);
//! assert!(seen.document.get("first").is_none());
//! let hidden = serve(&following, &id, Some("page=true"), &Viewer::Anonymous).await;
//! assert_eq!(hidden.unwrap_err().status(), 404);
//! # });
//! ```

mod cut;
mod error;
#[cfg(feature = "axum")]
mod router;
mod serve;
mod source;
#[cfg(test)]
mod tests;

pub use cut::{Cursor, Cut, InvalidCursor, MAX_CURSOR_BYTES, MAX_PAGE, PAGE_ITEMS, Position};
pub use error::ServeError;
#[cfg(feature = "axum")]
pub use router::Collections;
pub use serve::{Served, serve};
pub use source::{Outline, Page, PageSource, Viewer};
