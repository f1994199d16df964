//! The recording proxy in front of a real server: what it writes down, and each way to spoil.
#![cfg(test)]

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use interop_tests::hostile::serve::Reply;
use interop_tests::hostile::serve::Server;
use interop_tests::network::Network;
use interop_tests::proxy::rule::Fault;
use interop_tests::proxy::rule::Rule;
use serde_json::json;

#[tokio::test]
async fn every_exchange_is_written_down_and_every_rule_spoils_one() -> Result<()> {
    let network = Network::start().await?;
    let http = network.client()?;
    for raw in [false, true] {
        let server = Server::start().await?;
        server.put(
            "/inbox",
            Reply::json("application/json", &json!({ "fine": true })),
        );
        let (front, proxy) = network.record("server", server.port(), raw).await?;
        let url = format!("{}/inbox", front.origin());
        let post = |body: &'static str| http.post(&url).header("x-MiXed", "1").body(body).send();

        assert_eq!(post("plain").await?.status(), 200);
        let [one] = proxy.since(0).try_into().unwrap();
        assert_eq!(one.request.body, b"plain");
        assert_eq!(one.request.header("X-Mixed").as_deref(), Some("1"));
        assert_eq!(one.answer.unwrap().body, br#"{"fine":true}"#);

        for (fault, status, reached) in [
            (Fault::Refuse(503), Some(503), 0),
            (Fault::Swallow, Some(202), 0),
            (Fault::Duplicate, Some(200), 2),
            (Fault::Corrupt, Some(200), 1),
            (Fault::Drop, None, 0),
            (Fault::Mute, None, 1),
        ] {
            let (before, mark) = (server.requests("/inbox"), proxy.mark());
            proxy.spoil(Rule::post("spoilt", fault));
            let answer = post("spoilt").await;
            // A proxy in front says 502 when the one behind it says nothing.
            let given = answer.ok().map(|answer| answer.status().as_u16());
            assert_eq!(given.filter(|given| *given != 502), status, "{fault:?}");
            assert_eq!(proxy.since(mark).first().unwrap().fault, Some(fault));
            if fault != Fault::Drop && fault != Fault::Mute {
                assert_eq!(server.requests("/inbox") - before, reached, "{fault:?}");
            }
            proxy.heal("");
        }

        let start = Instant::now();
        proxy.spoil(Rule::post("late", Fault::Delay(Duration::from_millis(300))));
        assert_eq!(post("late").await?.status(), 200);
        assert!(start.elapsed() >= Duration::from_millis(300));

        proxy.spoil(Rule::post("first", Fault::Swap));
        let before = server.requests("/inbox");
        assert_eq!(post("first").await?.status(), 202);
        assert_eq!(server.requests("/inbox"), before);
        assert_eq!(post("second").await?.status(), 200);
        assert_eq!(server.requests("/inbox"), before + 2);

        assert_eq!(
            http.get(format!("{}/control/ready", front.origin()))
                .send()
                .await?
                .status(),
            404
        );
    }
    Ok(())
}
