//! What the node says about itself.

use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};

use crate::app::TestApp;

#[test]
fn tells_what_it_is_and_that_it_is_well() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        for path in ["/healthz", "/readyz"] {
            let reply = app.call(Method::GET, path).send().await;
            assert_eq!(reply.status, StatusCode::OK);
            assert_eq!(reply.json["status"], "ok");
        }
        let info = app.call(Method::GET, "/api/v1/info").send().await;
        let discovery = app.call(Method::GET, "/discovery").send().await;
        assert_eq!(info.json, discovery.json);
        assert_eq!(info.json["name"], "folkmoot");
        assert_eq!(info.json["origin"], app.origin());
        assert_eq!(info.json["registration"], "open");
        assert!(info.text("/endpoints/gateway").starts_with("ws://"));
        app.stop().await;
    });
}
