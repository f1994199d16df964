//! What the registration of routes leaves out of the document: title, sign-in and refusals.

use http::Method;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, RefOr};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::answers;
use super::schemas;
use crate::platform::http::access::{Access, Needs};
use crate::platform::http::error::Problem;
use crate::platform::http::routes::Declared;

/// The name of the security scheme.
const BEARER: &str = "bearer";

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
    components.schemas.values_mut().for_each(schemas::bound);
    answers::describe(components);
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
                operation.operation_id = Some(operation_id(&method, path));
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

/// A name of its own for each operation: `get_api_v1_users_id`.
fn operation_id(method: &Method, path: &str) -> String {
    let words = path.split(|one: char| !one.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let method = method.as_str().to_ascii_lowercase();
    std::iter::once(method.as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

fn describe(operation: &mut Operation, access: Access) {
    let (text, scope) = match access.needs {
        Needs::Nothing => ("nothing".to_owned(), None),
        Needs::Judged(what) => (what.to_owned(), None),
        Needs::Member(scope) => (format!("a member, scope {scope}"), Some(scope.as_str())),
        Needs::FirstParty => ("a member, signed in themselves".to_owned(), None),
        Needs::Privilege(privilege) => (format!("the privilege {privilege}"), Some("admin")),
    };
    let mut needs = ExtensionsBuilder::new().add("x-needs", text);
    if access.visitors {
        needs = needs.add("x-visitors", true);
    }
    operation
        .extensions
        .get_or_insert_default()
        .merge(needs.build());
    let security = access.needs.member().then(|| {
        let scopes: Vec<&str> = scope.into_iter().collect();
        SecurityRequirement::new(BEARER, scopes)
    });
    operation.security = Some(security.into_iter().collect());
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            parameter.schema.iter_mut().for_each(schemas::bound);
        }
    }
    answers::complete(access.needs, operation);
}
