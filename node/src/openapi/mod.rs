//! The `OpenAPI` 3.1 document of the native API, and the same as a page for people.
//!
//! Both come from the registration of the routes, so they tell of every route that is served.

mod answers;
mod document;
mod page;
mod routes;
mod schemas;

pub use document::complete;
pub use routes::router;
