//! [`TestApp`]: a running server with a database and a data directory of its own.

use std::sync::Arc;

use federation_core::testing::TestDatabase;
use federation_core::{Clock, SystemClock};
use folkmoot::app::App;
use folkmoot::config::{Config, Secret};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::document;

/// The password of every account that tests open.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running server; call [`TestApp::stop`] at the end of a test.
pub(crate) struct TestApp {
    app: App,
    client: reqwest::Client,
    data_dir: TempDir,
    database: TestDatabase,
}

/// An account and the tokens of its first sign-in.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The JSON of the body; null when it is empty or something else.
    pub(crate) json: Value,
}

/// A request that is put together.
pub(crate) struct Call {
    request: reqwest::RequestBuilder,
}

impl TestApp {
    /// A server with the default settings.
    pub(crate) async fn start(database: TestDatabase) -> Self {
        Self::start_with(database, Arc::new(SystemClock), |_| {}).await
    }

    /// A server with other settings or another clock.
    pub(crate) async fn start_with(
        database: TestDatabase,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::start_in(database, tempfile::tempdir().unwrap(), clock, change).await
    }

    /// A server on what an earlier one left.
    pub(crate) async fn start_in(
        database: TestDatabase,
        data_dir: TempDir,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            data_dir: data_dir.path().to_owned(),
            ..Config::default()
        };
        config.database.url = Some(Secret::new(database.url_text()));
        config.previews.enabled = false;
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = App::start_with(config, listener, clock).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            app,
            client,
            data_dir,
            database,
        }
    }

    /// The running server.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Where the server is reached, without a final slash; its origin unless another is set.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.app.address())
    }

    /// Stops the server; answers what is left, for a second start.
    pub(crate) async fn stop(self) -> (TestDatabase, TempDir) {
        assert!(self.app.stop().await, "the server did not end in time");
        (self.database, self.data_dir)
    }

    /// A request to `path`, which starts with `/`.
    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let url = format!("{}{path}", self.origin());
        Call {
            request: self.client.request(method, url),
        }
    }

    pub(crate) async fn get(&self, path: &str, access: &str) -> Reply {
        self.call(Method::GET, path).bearer(access).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path).json(body).send().await
    }

    /// Opens an account with [`PASSWORD`].
    pub(crate) async fn signup(&self, username: &str) -> Member {
        let body = json!({"username": username, "password": PASSWORD});
        let reply = self.post("/api/v1/auth/signup", &body).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.json);
        reply.member()
    }

    /// Signs in with [`PASSWORD`].
    pub(crate) async fn login(&self, username: &str) -> Member {
        let body = json!({"username": username, "password": PASSWORD});
        let reply = self.post("/api/v1/auth/login", &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
        reply.member()
    }
}

impl Call {
    pub(crate) fn bearer(self, access: &str) -> Self {
        Self {
            request: self.request.bearer_auth(access),
        }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self {
            request: self.request.header(name, value),
        }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        Self {
            request: self.request.json(body),
        }
    }

    pub(crate) fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self {
            request: self.request.body(body),
        }
    }

    /// Sends it; the answer is one that the document of the API tells of.
    pub(crate) async fn send(self) -> Reply {
        let (client, request) = self.request.build_split();
        let request = request.unwrap();
        let (method, url) = (request.method().clone(), request.url().clone());
        let response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        document::hold((&method, url.path()), status, &headers, &bytes).await;
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply {
            status,
            headers,
            json,
        }
    }
}

impl Reply {
    /// Text at a JSON pointer, empty when there is none.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let value = self.json.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    }

    pub(crate) fn member(&self) -> Member {
        Member {
            id: self.text("/user/id"),
            access: self.text("/access_token"),
            refresh: self.text("/refresh_token"),
        }
    }

    /// Holds the answer to be a problem document with this status and code (RFC 9457).
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.json);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.json["code"], code, "{:?}", self.json);
        assert_eq!(self.json["status"], status);
        let id = self.headers["x-request-id"].to_str().unwrap();
        assert_eq!(self.json["instance"], format!("urn:uuid:{id}"));
        for field in ["type", "title", "detail"] {
            assert!(
                self.json[field].is_string(),
                "{field} is missing: {:?}",
                self.json
            );
        }
    }
}
