//! Holds every answer that a test gets to what the document of the API says of it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use federation_core::store::sql::Backend;
use federation_core::testing::TestDatabase;
use jsonschema::Validator;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::app::TestApp;

/// The methods that the document tells of.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::DELETE,
    Method::PATCH,
];

static DOCUMENT: OnceCell<Document> = OnceCell::const_new();

struct Document {
    components: Value,
    operations: Vec<Operation>,
}

struct Operation {
    method: Method,
    /// The path in parts, of which those in braces vary.
    path: Vec<String>,
    answers: BTreeMap<String, Answer>,
}

/// What a body looks like, by its media type.
type Answer = BTreeMap<String, Form>;

/// The schema of a body, ready for use from the first time on.
struct Form {
    schema: Value,
    validator: OnceLock<Validator>,
}

/// Holds the answer to a request to be one that the document tells of.
pub(crate) async fn hold(
    (method, path): (&Method, &str),
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) {
    let document = DOCUMENT.get_or_init(Document::read).await;
    let Some(operation) = document.operation(method, path) else {
        return;
    };
    let context = format!("{method} {path} answered {status}");
    let Some(answer) = operation.answers.get(status.as_str()) else {
        panic!(
            "{context}, and the document knows {:?}: {}",
            operation.answers.keys(),
            String::from_utf8_lossy(body)
        );
    };
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap());
    let kind = kind.and_then(|kind| kind.split(';').next());
    let Some(kind) = kind else {
        assert!(body.is_empty(), "{context} with a body of no kind");
        return;
    };
    let known: Vec<_> = answer.keys().collect();
    let Some(form) = answer.get(kind) else {
        panic!("{context} as {kind}, and the document knows {known:?}");
    };
    if kind.ends_with("json") {
        let body: Value = serde_json::from_slice(body).unwrap();
        let validator = form.validator(&document.components);
        let faults: Vec<String> = validator
            .iter_errors(&body)
            .map(|it| it.to_string())
            .collect();
        assert!(faults.is_empty(), "{context}: {faults:#?}\n{body:#}");
    }
}

impl Document {
    async fn read() -> Self {
        let app = TestApp::start(TestDatabase::create(Backend::Sqlite)).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/api/openapi.json", app.origin());
        let document: Value = client.get(url).send().await.unwrap().json().await.unwrap();
        app.stop().await;
        let paths = document["paths"].as_object().unwrap();
        let operations = paths
            .iter()
            .flat_map(|(path, item)| {
                METHODS.iter().filter_map(|method| {
                    let name = method.as_str().to_ascii_lowercase();
                    let operation = item.get(&name)?;
                    Some(Operation::read(&document, method, path, operation))
                })
            })
            .collect();
        Self {
            components: document["components"].clone(),
            operations,
        }
    }

    /// The operation that is meant: of those that fit, the one whose path varies least.
    fn operation(&self, method: &Method, path: &str) -> Option<&Operation> {
        let parts: Vec<&str> = path.split('/').collect();
        let fitting = self
            .operations
            .iter()
            .filter(|it| it.method == method && it.fits(&parts));
        fitting.min_by_key(|it| it.path.iter().filter(|part| varies(part)).count())
    }
}

fn varies(part: &str) -> bool {
    part.starts_with('{')
}

impl Operation {
    fn read(document: &Value, method: &Method, path: &str, operation: &Value) -> Self {
        let answers = operation["responses"].as_object().unwrap();
        let answers = answers.iter().map(|(status, answer)| {
            let answer = match answer["$ref"].as_str() {
                Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
                None => answer,
            };
            let kinds = answer["content"].as_object().into_iter().flatten();
            let kinds = kinds.map(|(kind, content)| {
                let schema = content.get("schema").cloned().unwrap_or(Value::Bool(true));
                let validator = OnceLock::new();
                (kind.clone(), Form { schema, validator })
            });
            (status.clone(), kinds.collect())
        });
        Self {
            method: method.clone(),
            path: path.split('/').map(str::to_owned).collect(),
            answers: answers.collect(),
        }
    }

    fn fits(&self, parts: &[&str]) -> bool {
        let same = |(known, asked): (&String, &&str)| varies(known) || known == asked;
        self.path.len() == parts.len() && self.path.iter().zip(parts).all(same)
    }
}

impl Form {
    /// The schema with the components that it refers to.
    fn validator(&self, components: &Value) -> &Validator {
        self.validator.get_or_init(|| {
            let mut schema = self.schema.clone();
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("components".to_owned(), components.clone());
            }
            let options = jsonschema::options().should_validate_formats(true);
            options.build(&schema).unwrap()
        })
    }
}
