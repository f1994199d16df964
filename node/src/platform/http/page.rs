//! Pages of lists as responses: the JSON of `base::page` with a `Link` header (RFC 8288).

use std::fmt::Display;
use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use http::header::LINK;
use http::{HeaderValue, Uri};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{RefOr, Required, Schema};
use utoipa::{IntoParams, PartialSchema};

use super::extract::Json;
use crate::base::page::Page;

/// How the document tells of [`PageQuery`](crate::base::page::PageQuery), whose cursors are of
/// this kind.
#[derive(Debug)]
pub struct Cursors<Id>(PhantomData<Id>);

impl<Id: PartialSchema> IntoParams for Cursors<Id> {
    fn into_params(_place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |name: &str, meaning: &str, schema: RefOr<Schema>| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(meaning))
                .schema(Some(schema))
                .build()
        };
        let limit = "Items at most; a page has 50 when this is absent, and never more than 100";
        vec![
            parameter("before", "Only items before this one", Id::schema()),
            parameter("after", "Only items after this one", Id::schema()),
            parameter("limit", limit, u32::schema()),
        ]
    }
}

/// A page of the list at `uri`; the `Link` header keeps the rest of the query.
///
/// `cursors` names the query parameters that lead to `next` and to `prev`: `("before", "after")`
/// for lists that show the newest first, the other way round for those that show the oldest first.
pub fn respond<T: Serialize, Id: Serialize + Display>(
    uri: &Uri,
    cursors: (&str, &str),
    page: Page<T, Id>,
) -> Response {
    let target = |parameter: &str, cursor: &Id| {
        let kept = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .filter(|(name, _)| name != "before" && name != "after");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair(parameter, &cursor.to_string())
            .finish();
        format!("<{}?{query}>", uri.path())
    };
    let next = page
        .next
        .as_ref()
        .map(|id| format!("{}; rel=\"next\"", target(cursors.0, id)));
    let prev = page
        .prev
        .as_ref()
        .map(|id| format!("{}; rel=\"prev\"", target(cursors.1, id)));
    let links: Vec<String> = next.into_iter().chain(prev).collect();
    let mut response = Json(page).into_response();
    if !links.is_empty()
        && let Ok(value) = HeaderValue::try_from(links.join(", "))
    {
        response.headers_mut().insert(LINK, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_query_and_replace_the_cursor() {
        let uri: Uri = "/api/v1/things?limit=2&before=z&q=a%20b".parse().unwrap();
        let page = Page {
            items: vec![1],
            next: Some("x"),
            prev: Some("y"),
        };
        let response = respond(&uri, ("before", "after"), page);
        assert_eq!(
            response.headers()[LINK],
            "</api/v1/things?limit=2&q=a+b&before=x>; rel=\"next\", \
             </api/v1/things?limit=2&q=a+b&after=y>; rel=\"prev\""
        );
        let whole = respond(
            &uri,
            ("before", "after"),
            Page::<i32, String>::whole(vec![]),
        );
        assert!(!whole.headers().contains_key(LINK));
    }
}
