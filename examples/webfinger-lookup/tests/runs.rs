//! Runs the program against a server of this machine.
#![cfg(test)]

use std::convert::Infallible;
use std::process::Command;
use std::process::Output;

use webfinger::Jrd;
use webfinger::Link;
use webfinger::Resource;

async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let own = authority.clone();
    let app: axum::Router = webfinger::router::router(move |resource: Resource| {
        let actor = format!("http://{own}/users/alice");
        let document = Jrd::new(format!("acct:alice@{own}")).with_link(Link::actor(actor));
        async move {
            let known = matches!(resource, Resource::Account(handle) if handle.name() == "alice");
            Ok::<_, Infallible>(known.then_some(document))
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    authority
}

async fn look_up(handle: String) -> Output {
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_webfinger-lookup"))
            .args(["--http", &handle])
            .output()
    };
    tokio::task::spawn_blocking(run).await.unwrap().unwrap()
}

#[tokio::test]
async fn prints_the_actor_of_a_handle() {
    let authority = serve().await;
    let output = look_up(format!("@alice@{authority}")).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(&format!("actor  http://{authority}/users/alice")),
        "{text}"
    );
}

#[tokio::test]
async fn fails_for_a_handle_that_nobody_has() {
    let output = look_up(format!("@bob@{}", serve().await)).await;
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no such account"));
}
