//! Servers that lie, flood, hang and never end: what they send has no effect, and what they cost
//! is bounded (I3, I4, I8, I11).
#![cfg(test)]

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use interop_tests::hostile::ACTIVITY_JSON;
use interop_tests::hostile::Hostile;
use interop_tests::hostile::forge::Forged;
use interop_tests::hostile::inbox_of;
use interop_tests::hostile::serve::Reply;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;
use interop_tests::wait;
use serde_json::Value;
use serde_json::json;

/// Longer than any lookup may take, however the other side stalls.
const BOUND: Duration = Duration::from_secs(40);

/// Counts the messages in all conversations.
async fn message_count(member: &Member) -> Result<usize> {
    let mut count = 0;
    for conversation in member.conversations().await? {
        count += member
            .messages(conversation["id"].as_str().unwrap())
            .await?
            .len();
    }
    Ok(count)
}

/// A request, and what is wrong with it.
type Attack = (&'static str, Forged);

/// Well-made requests of mallory, each spoilt in one way.
fn spoilt(
    mallory: &Hostile,
    other: &Hostile,
    subject: &Subject,
    alice: &str,
    inbox: &str,
) -> Result<Vec<Attack>> {
    let key_id = format!("{}#main-key", mallory.actor("mallory"));
    let signed = |body: &Value| Forged::honest(inbox, &key_id, body);
    let good = signed(&mallory.create("mallory", alice, 2, "honest words"))?;
    let changed = good.body.replace("honest", "forged");
    let stranger = format!("{}#main-key", other.actor("honest"));

    let victim = other.create("honest", alice, 3, "words of somebody else");
    let mut words = mallory.create("mallory", alice, 4, "words put into a mouth");
    words["object"]["attributedTo"] = json!(other.actor("honest"));
    let mut place = mallory.create("mallory", alice, 5, "an id of another server");
    place["object"]["id"] = json!(format!("{}/notes/5", other.origin()));
    let mut local = mallory.create("mallory", alice, 6, "an id of the receiver");
    local["object"]["id"] = json!(format!("{}/messages/6", subject.origin()));
    Ok(vec![
        (
            "a changed body",
            Forged {
                sent_body: changed,
                ..good.clone()
            },
        ),
        (
            "an old date",
            Forged {
                age: Duration::from_hours(48),
                ..good.clone()
            },
        ),
        (
            "another host",
            Forged {
                host: "elsewhere.example".into(),
                ..good.clone()
            },
        ),
        (
            "a bare date",
            Forged {
                covered: vec!["date"],
                ..good.clone()
            },
        ),
        (
            "no digest",
            Forged {
                covered: vec!["(request-target)", "host", "date"],
                ..good.clone()
            },
        ),
        (
            "a key of somebody else",
            Forged {
                key_id: stranger,
                ..good.clone()
            },
        ),
        (
            "an unknown key",
            Forged {
                key_id: mallory.actor("nobody"),
                ..good
            },
        ),
        ("another actor", signed(&victim)?),
        ("another author", signed(&words)?),
        ("another server's id", signed(&place)?),
        ("the receiver's own id", signed(&local)?),
    ])
}

#[tokio::test]
async fn i3_only_what_is_proved_has_an_effect() -> Result<()> {
    let network = Network::start().await?;
    let subject = Subject::start(&network, "a", Store::Sqlite).await?;
    let mallory = Hostile::start(&network, "mallory").await?;
    let other = Hostile::start(&network, "other").await?;
    mallory.put_actor("mallory", Reply::status(202));
    other.put_actor("honest", Reply::status(202));
    let alice = Member::sign_up(&subject, "alice").await?;
    let inbox = inbox_of(subject.http(), &alice.actor).await?;

    // The control: a well-made request is taken, and taken once.
    let key_id = format!("{}#main-key", mallory.actor("mallory"));
    let create = mallory.create("mallory", &alice.actor, 1, "honest words");
    let honest = Forged::honest(&inbox, &key_id, &create)?;
    for _ in 0..3 {
        let status = honest.send(subject.http(), mallory.key()).await?;
        assert!(
            status.is_success(),
            "an honest request got {status}\n{}",
            subject.log_tail()
        );
    }
    wait::until("the honest message", || async {
        Ok((message_count(&alice).await? == 1).then_some(()))
    })
    .await?;

    for (name, attack) in spoilt(&mallory, &other, &subject, &alice.actor, &inbox)? {
        let status = attack.send(subject.http(), mallory.key()).await?;
        assert!(
            status.is_client_error(),
            "{name} got {status}\n{}",
            subject.log_tail()
        );
    }
    assert_eq!(message_count(&alice).await?, 1);
    Ok(())
}

#[tokio::test]
async fn i11_malformed_requests_are_refused_cheaply() -> Result<()> {
    let network = Network::start().await?;
    let subject = Subject::start(&network, "a", Store::Sqlite).await?;
    let alice = Member::sign_up(&subject, "alice").await?;
    let inbox = inbox_of(subject.http(), &alice.actor).await?;
    // Not through the proxy, which answers 502 when a body is refused before its end.
    let inbox = inbox.replacen(
        &subject.origin(),
        &format!("http://{}", subject.direct()),
        1,
    );
    let follow =
        json!({ "type": "Follow", "id": "https://x.example/1", "actor": "https://x.example/a" });
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "\u{0}".to_owned(),
        "[".repeat(100_000),
        "{\"a\":".repeat(50_000),
        follow.to_string(),
        "a".repeat(8 * 1024 * 1024),
    ] {
        let request = subject
            .http()
            .post(&inbox)
            .header("content-type", ACTIVITY_JSON);
        let length = body.len();
        let status = match request.body(body).send().await {
            Ok(answer) => answer.status().as_u16(),
            // Too large a body may be cut off before it is sent.
            Err(_) if length > 1024 * 1024 => 413,
            Err(error) => return Err(error.into()),
        };
        assert!((400..500).contains(&status), "{length} bytes got {status}");
    }
    alice.get("/api/v1/users/@me").await?;
    Ok(())
}

#[tokio::test]
async fn i11_documents_without_end_or_sense_cost_a_bounded_time() -> Result<()> {
    let network = Network::start().await?;
    let subject = Subject::start(&network, "a", Store::Sqlite).await?;
    let hostile = Hostile::start(&network, "hostile").await?;
    let alice = Member::sign_up(&subject, "alice").await?;
    let (id, authority) = (hostile.actor("x"), hostile.authority());
    let document = hostile.actor_document("x");
    let mut elsewhere = document.clone();
    elsewhere["id"] = json!("https://elsewhere.example/users/x");
    let inside = format!("http://{}/api/v1/info", subject.direct());
    for (name, reply) in [
        ("endless", Reply::Endless),
        ("dripping", Reply::Drip),
        ("hanging", Reply::Hang),
        ("circular", Reply::Redirect(id.clone())),
        ("pointing inside", Reply::Redirect(inside)),
        ("of another id", Reply::json(ACTIVITY_JSON, &elsewhere)),
        ("as a page", Reply::json("text/html", &document)),
        ("as plain JSON", Reply::json("application/json", &document)),
        (
            "deep",
            Reply::Answer {
                status: 200,
                media_type: ACTIVITY_JSON.into(),
                body: "[".repeat(60_000),
            },
        ),
    ] {
        hostile.put_actor("x", Reply::status(202));
        hostile.put("/users/x", reply);
        let start = Instant::now();
        let found = alice.resolve(&format!("@x@{authority}")).await;
        assert!(
            found.is_err(),
            "an actor document {name} was taken: {found:?}"
        );
        assert!(start.elapsed() < BOUND, "{name} took {:?}", start.elapsed());
        alice.get("/api/v1/users/@me").await?;
    }
    Ok(())
}

#[tokio::test]
async fn i8_peers_that_hang_delay_nobody_else() -> Result<()> {
    let network = Network::start().await?;
    let a = Subject::start(&network, "a", Store::Sqlite).await?;
    let b = Subject::start(&network, "b", Store::Postgres).await?;
    let (alice, bob) = (
        Member::sign_up(&a, "alice").await?,
        Member::sign_up(&b, "bob").await?,
    );
    let mut tarpits = Vec::new();
    for number in 0..3 {
        let tarpit = Hostile::start(&network, &format!("tarpit{number}")).await?;
        for member in 0..10 {
            let name = format!("m{member}");
            tarpit.put_actor(&name, Reply::Hang);
            let channel = alice.dm(&[&tarpit.actor(&name)]).await?;
            for message in 0..3 {
                alice
                    .send(&channel, &format!("into the pit {message}"))
                    .await?;
            }
        }
        tarpits.push(tarpit);
    }
    let mut socket = bob.socket(None).await?;
    let channel = alice.dm(&[&bob.handle]).await?;
    for number in 0..20 {
        let (content, start) = (format!("past the pits {number}"), Instant::now());
        alice.send(&channel, &content).await?;
        while socket.event("message.created").await?["content"] != content {}
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{content} took {:?}",
            start.elapsed()
        );
    }
    let fallen: usize = tarpits
        .iter()
        .map(|t| {
            (0..10)
                .map(|m| t.requests(&format!("/users/m{m}/inbox")))
                .sum::<usize>()
        })
        .sum();
    assert!(fallen > 0, "nothing was sent to the pits");
    Ok(())
}
