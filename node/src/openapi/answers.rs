//! The answers that come before a handler or around it, from how its route is declared.
//!
//! The [guard](crate::platform::http::guard) asks for a member, the extractors read path, query and
//! body, and every request has its time and its share: handlers declare only what is their own.

use http::StatusCode;
use utoipa::ToSchema as _;
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, Ref, RefOr};

use crate::platform::http::access::Needs;
use crate::platform::http::error::Problem;

/// The media type of problems (RFC 9457 s3).
const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";

/// A problem that no handler gives itself.
struct Answer {
    /// Its name among the components of the document.
    name: &'static str,
    status: &'static str,
    meaning: &'static str,
    /// A header that always comes with it, and whether it is a number.
    header: Option<(&'static str, Type)>,
    when: When,
}

/// What of a route brings an answer about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Every request has its time and its share of the server.
    Always,
    /// A member must be signed in.
    Member,
    /// The path has parts that vary.
    Path,
    /// The query or a header is read.
    Parameters,
    /// A body of JSON is read.
    Body,
}

const ANSWERS: &[Answer] = &[
    answer("Unreadable", "400", When::Parameters, "It cannot be read"),
    answer("Unreadable", "400", When::Body, "It cannot be read"),
    Answer {
        header: Some(("WWW-Authenticate", Type::String)),
        ..answer(
            "Unauthenticated",
            "401",
            When::Member,
            "Nobody is signed in, or no longer",
        )
    },
    answer(
        "Forbidden",
        "403",
        When::Always,
        "Whoever asks may not do this, or their address is blocked",
    ),
    answer(
        "NotFound",
        "404",
        When::Path,
        "There is no such thing, or the caller may not know of it",
    ),
    answer("TooSlow", "408", When::Always, "The request took too long"),
    answer("TooLarge", "413", When::Body, "The body is too large"),
    answer(
        "UnsupportedMediaType",
        "415",
        When::Body,
        "The body is of another media type",
    ),
    answer(
        "Invalid",
        "422",
        When::Body,
        "The body was read and its content is refused",
    ),
    Answer {
        header: Some(("Retry-After", Type::Integer)),
        ..answer("TooManyRequests", "429", When::Always, "Too much at once")
    },
    answer("Internal", "500", When::Always, "The server failed"),
    Answer {
        header: Some(("Retry-After", Type::Integer)),
        ..answer(
            "Unavailable",
            "503",
            When::Always,
            "The server cannot do it now",
        )
    },
];

const fn answer(
    name: &'static str,
    status: &'static str,
    when: When,
    meaning: &'static str,
) -> Answer {
    Answer {
        name,
        status,
        meaning,
        header: None,
        when,
    }
}

impl When {
    fn holds(self, needs: Needs, operation: &Operation) -> bool {
        let has = |place: fn(&ParameterIn) -> bool| {
            let parameters = operation.parameters.iter().flatten();
            parameters.into_iter().any(|one| match one {
                RefOr::T(one) => place(&one.parameter_in),
                RefOr::Ref(_) => false,
            })
        };
        match self {
            Self::Always => true,
            Self::Member => needs.member(),
            Self::Path => has(|place| matches!(place, ParameterIn::Path)),
            Self::Parameters => has(|place| !matches!(place, ParameterIn::Path)),
            Self::Body => match &operation.request_body {
                Some(RefOr::T(body)) => body.content.contains_key(JSON),
                _ => false,
            },
        }
    }
}

/// Describes the answers once, for all operations.
pub(super) fn describe(components: &mut Components) {
    for answer in ANSWERS {
        let response = RefOr::T(answer.response());
        components
            .responses
            .insert(answer.name.to_owned(), response);
    }
}

/// Adds the answers that this operation can have to those which its handler declares.
pub(super) fn complete(needs: Needs, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            describe_own(status, response);
        }
    }
    for answer in ANSWERS {
        if !answer.when.holds(needs, operation) {
            continue;
        }
        let known = &mut operation.responses.responses;
        let named = || RefOr::Ref(Ref::from_response_name(answer.name));
        if let RefOr::T(own) = known.entry(answer.status.to_owned()).or_insert_with(named) {
            // The handler answers with this status in a form of its own, others in this one.
            own.content
                .entry(PROBLEM.to_owned())
                .or_insert_with(|| RefOr::T(problem()));
        }
    }
}

/// An answer of a handler's own says at least what its status means (OpenAPI 3.1 s4.8.17), and
/// problems go out under their own media type.
fn describe_own(status: &str, response: &mut Response) {
    if response.description.is_empty()
        && let Ok(status) = status.parse::<StatusCode>()
    {
        let meaning = status.canonical_reason().unwrap_or_default();
        meaning.clone_into(&mut response.description);
    }
    if response.content.get(JSON).is_some_and(is_problem)
        && let Some(content) = response.content.shift_remove(JSON)
    {
        response.content.insert(PROBLEM.to_owned(), content);
    }
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let expected = Ref::from_schema_name(Problem::name());
    match content {
        RefOr::T(content) => content.schema == Some(RefOr::Ref(expected)),
        RefOr::Ref(_) => false,
    }
}

fn problem() -> Content {
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .build()
}

impl Answer {
    fn response(&self) -> Response {
        let mut response = ResponseBuilder::new()
            .description(self.meaning)
            .content(PROBLEM, problem());
        if let Some((name, kind)) = &self.header {
            let schema = ObjectBuilder::new().schema_type(kind.clone()).build();
            response = response.header(*name, HeaderBuilder::new().schema(Some(schema)).build());
        }
        response.build()
    }
}
