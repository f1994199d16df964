//! [`Routes`]: every route with what it needs and how it is documented, in one registration.
//!
//! What is not registered here is never reached: the [guard](super::guard) refuses it.

use std::collections::HashMap;
use std::fmt;

use axum::extract::DefaultBodyLimit;
use axum::{Extension, Router};
use http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Components, OpenApi, OpenApiBuilder};
use utoipa_axum::router::UtoipaMethodRouter;

use super::access::Access;
use crate::platform::ctx::Ctx;

/// Routes with their handlers, needs and documentation.
pub struct Routes {
    router: Router<Ctx>,
    declared: Declared,
    document: OpenApi,
}

/// What each route needs, by its pattern.
#[derive(Clone, Debug, Default)]
pub struct Declared(HashMap<String, Vec<(Method, Access)>>);

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// No route.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            declared: Declared::default(),
            document: OpenApiBuilder::new().build(),
        }
    }

    /// Adds documented handlers of one path (`routes!(…)`) that all need the same.
    #[must_use]
    pub fn add(
        mut self,
        access: Access,
        (schemas, paths, handlers): UtoipaMethodRouter<Ctx>,
    ) -> Self {
        // The macro puts the handlers of one path into one router; there is exactly one path.
        if let Some((path, item)) = paths.paths.into_iter().next() {
            for (method, _operation) in operations(&item) {
                self.declared.insert(&path, method, access);
            }
            self.router = self.router.route(&path, handlers);
            let known = self.document.paths.paths.entry(path).or_default();
            known.merge_operations(item);
        }
        let components = self.document.components.get_or_insert_with(Components::new);
        components.schemas.extend(schemas);
        self
    }

    /// Takes in routes that are documented elsewhere, such as those of other standards.
    #[must_use]
    pub fn foreign(mut self, router: Router<Ctx>, declared: &[(Method, &str, Access)]) -> Self {
        for (method, path, access) in declared {
            self.declared.insert(path, method.clone(), *access);
        }
        self.router = self.router.merge(router);
        self
    }

    /// Takes in all routes of `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        for (path, routes) in other.declared.0 {
            for (method, access) in routes {
                self.declared.insert(&path, method, access);
            }
        }
        for (path, item) in other.document.paths.paths {
            let known = self.document.paths.paths.entry(path).or_default();
            known.merge_operations(item);
        }
        if let Some(theirs) = other.document.components {
            let components = self.document.components.get_or_insert_with(Components::new);
            components.schemas.extend(theirs.schemas);
        }
        self
    }

    /// Hands `value` to the handlers of these routes as an extension.
    #[must_use]
    pub fn with<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.router = self.router.layer(Extension(value));
        self
    }

    /// Holds the bodies that these routes take to `limit` in the place of the general one.
    #[must_use]
    pub fn bodies(mut self, limit: DefaultBodyLimit) -> Self {
        self.router = self.router.layer(limit);
        self
    }

    /// The handlers, what they need, and their documentation.
    pub fn into_parts(self) -> (Router<Ctx>, Declared, OpenApi) {
        (self.router, self.declared, self.document)
    }
}

impl Declared {
    fn insert(&mut self, path: &str, method: Method, access: Access) {
        let routes = self.0.entry(path.to_owned()).or_default();
        routes.push((method, access));
    }

    /// What the route with this pattern needs; `HEAD` is served by `GET` (RFC 9110 s9.3.2).
    pub fn access(&self, path: &str, method: &Method) -> Option<Access> {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let routes = self.0.get(path)?;
        let found = routes.iter().find(|(known, _)| known == method);
        found.map(|(_, access)| *access)
    }

    /// The methods that a path serves.
    pub fn methods(&self, path: &str) -> impl Iterator<Item = &Method> {
        self.0
            .get(path)
            .into_iter()
            .flatten()
            .map(|(method, _)| method)
    }

    /// Every route: method, pattern, needs.
    pub fn iter(&self) -> impl Iterator<Item = (&Method, &str, Access)> {
        self.0.iter().flat_map(|(path, routes)| {
            routes
                .iter()
                .map(move |(method, access)| (method, path.as_str(), *access))
        })
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Routes")
            .field("declared", &self.declared)
            .finish_non_exhaustive()
    }
}

/// The operations of a path, by method.
pub fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
        (Method::OPTIONS, &item.options),
        (Method::HEAD, &item.head),
        (Method::TRACE, &item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}
