//! The document of the API is true: no request gets an answer that it does not tell of.
//!
//! Random requests mostly end in refusals; what succeeds is held to the document by the suite of the
//! server, answer by answer.
#![cfg(test)]

use anyhow::Result;
use anyhow::ensure;
use interop_tests::chance::Chance;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::place;
use interop_tests::schemathesis::Principal;
use interop_tests::schemathesis::Run;
use interop_tests::schemathesis::Seen;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;
use serde_json::Value;

/// Paths that can end the session that asks; each case there gets an account of its own.
const ENDING: &str = "^/api/v1/(auth/(sessions|logout-everywhere|password$)|users/@me$)";

/// Paths by which an owner can end every session, block every address and forbid every request; the
/// owner asks for them last.
const STEERING: &str = "^/api/v1/admin/(rate-limits|blocked-addresses|users)";

/// Random cases for each operation in every run of the tests, the same each time; longer runs take
/// others.
const USUAL: u64 = 5;

/// What every run reads before it asks for anything, and does not count.
const READ_FIRST: &str = "GET /api/openapi.json";

/// Every operation of the document, as schemathesis names them.
async fn documented(member: &Member) -> Result<Vec<String>> {
    let document = member.get("/api/openapi.json").await?;
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flat_map(|item| item.keys());
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    Ok(operations.collect())
}

async fn hold(store: Store) -> Result<()> {
    let examples = place::number("FOLKMOOT_TEST_EXAMPLES", USUAL);
    let mut chance = if examples == USUAL {
        Chance::or(0)
    } else {
        Chance::new()
    };
    let network = Network::start().await?;
    // A name that browsers make passkeys for, and more hashes at once than requests.
    let settings = [
        ("FOLKMOOT_SERVER__PUBLIC_URL", "http://localhost:8080"),
        ("FOLKMOOT_LIMITS__PASSWORD_HASHES_AT_ONCE", "8"),
    ];
    let mut subject = Subject::start_direct_with(&network, "a", store, &settings).await?;
    let owner = Member::sign_up(&subject, "olga").await?;
    let member = Member::sign_up(&subject, "mina").await?;
    member.send(&member.dm(&["olga"]).await?, "hello").await?;
    member.follow("olga").await?;
    let as_owner = Principal::Holder(&owner.token);
    let as_member = Principal::Holder(&member.token);
    owner.raise_limits().await?;
    let mut seen = Seen::default();
    let mut faults = Vec::new();
    let kept = format!("{ENDING}|{STEERING}");
    for (name, principal, paths) in [
        ("nobody", Principal::Nobody, (None, None)),
        ("newcomers", Principal::Newcomer, (Some(ENDING), None)),
        ("member", as_member, (None, Some(ENDING))),
        ("owner", as_owner, (None, Some(kept.as_str()))),
    ] {
        let run = Run {
            name,
            principal,
            paths,
            seed: chance.seed(),
            examples,
        };
        match run.against(&subject, &network).await {
            Ok(more) => seen.add(more),
            Err(fault) => faults.push(format!("{fault:#}")),
        }
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    // The principals are still who they were, so the runs asked as them to the end.
    for holder in [&owner, &member] {
        let me: Value = holder.get("/api/v1/users/@me").await?;
        ensure!(holder.actor == me["actor"], "{me}");
    }
    let operations = documented(&owner).await?;
    let run = Run {
        name: "owner at the controls",
        principal: as_owner,
        paths: (Some(STEERING), None),
        seed: chance.seed(),
        examples,
    };
    seen.add(run.against(&subject, &network).await?);
    // Guesses are held back after the tenth; whatever else is asked was answered.
    let held_back = |it: &&String| seen.times(it, "") == seen.times(it, "429");
    let missed: Vec<&String> = operations.iter().filter(held_back).collect();
    ensure!(missed == [READ_FIRST], "never answered: {missed:?}");
    report(&seen, &operations);
    subject.stop().await
}

fn report(seen: &Seen, operations: &[String]) {
    let succeeded = operations.iter().filter(|it| seen.times(it, "2") > 0);
    let (all, succeeded, requests) = (operations.len(), succeeded.count(), seen.requests());
    println!("{requests} requests to {all} operations, of which {succeeded} succeeded");
}

#[tokio::test]
async fn the_document_is_true_on_sqlite() -> Result<()> {
    hold(Store::Sqlite).await
}

#[tokio::test]
async fn the_document_is_true_on_postgres() -> Result<()> {
    hold(Store::Postgres).await
}
