//! What the registration of routes leaves out of the document: title, sign-in and refusals.

use http::Method;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, Ref};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::platform::http::access::{Access, Needs};
use crate::platform::http::error::Problem;
use crate::platform::http::routes::Declared;

/// The name of the security scheme.
const BEARER: &str = "bearer";
/// The media type of problems (RFC 9457 s3).
const PROBLEM: &str = "application/problem+json";

/// The whole document of the routes that `declared` tells the needs of.
pub fn complete(mut document: OpenApi, declared: &Declared) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Folkmoot")
        .description(Some(
            "The native API of a Folkmoot node. Failures are problems (RFC 9457) with a stable \
             `code`; lists are read by cursors; a POST that creates takes an `Idempotency-Key`.",
        ))
        .version(env!("CARGO_PKG_VERSION"))
        .build();
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token, or a personal access token."))
        .build();
    components
        .security_schemes
        .insert(BEARER.to_owned(), SecurityScheme::Http(scheme).into());
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_mut(item) {
            if let Some(access) = declared.access(path, &method) {
                describe(operation, access);
            }
        }
    }
    document
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn describe(operation: &mut Operation, access: Access) {
    let (text, scope) = match access.needs {
        Needs::Nothing => ("nothing".to_owned(), None),
        Needs::Judged(what) => (what.to_owned(), None),
        Needs::Member(scope) => (format!("a member, scope {scope}"), Some(scope.as_str())),
        Needs::FirstParty => ("a member, signed in themselves".to_owned(), None),
        Needs::Privilege(privilege) => (format!("the privilege {privilege}"), Some("admin")),
    };
    let needs = ExtensionsBuilder::new().add("x-needs", text).build();
    operation.extensions.get_or_insert_default().merge(needs);
    let refusals: &[(&str, &str)] = if access.needs.member() {
        let scopes: Vec<&str> = scope.into_iter().collect();
        operation.security = Some(vec![SecurityRequirement::new(BEARER, scopes)]);
        &[
            ("401", "Nobody is signed in, or no longer"),
            ("403", "Whoever is signed in may not do this"),
            ("429", "Too much at once"),
        ]
    } else {
        operation.security = Some(Vec::new());
        &[("429", "Too much at once")]
    };
    for (status, meaning) in refusals {
        let known = &mut operation.responses.responses;
        known.entry((*status).to_owned()).or_insert_with(|| {
            let content = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(Problem::name())))
                .build();
            ResponseBuilder::new()
                .description(*meaning)
                .content(PROBLEM, content)
                .build()
                .into()
        });
    }
    problems_by_their_type(operation);
}

/// Problems that handlers declare go out under the media type of problems, too.
fn problems_by_their_type(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let utoipa::openapi::RefOr::T(response) = response
            && (status.starts_with('4') || status.starts_with('5'))
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert(PROBLEM.to_owned(), content);
        }
    }
}
