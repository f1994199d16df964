//! What the network does to deliveries: order, delays, repetitions, outages.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::case::contains;
use crate::case::settle;
use crate::fail;
use crate::outcome::Outcome;
use crate::proxy::rule::Fault;
use crate::proxy::rule::Rule;
use crate::require;
use crate::wait;

/// How many messages show whether the order holds.
const MANY: usize = 12;
/// How long deliveries may take to come through after an outage.
const RECOVERY: Duration = Duration::from_secs(75);

pub(super) const THEME: Theme = Theme {
    name: "Delivery under faults",
    scenarios: &[
        scenario!(short "order-out", order_out,
            "twelve messages arrive, each once and in the order in which they were written",
            "protocol practice: one conversation, one order"),
        scenario!(short "order-in", order_in,
            "twelve messages of the peer's are all shown", "ActivityPub s7.1"),
        scenario!(
            "shared-inbox-in",
            shared_in,
            "what comes to the shared inbox reaches its recipient",
            "ActivityPub s7.1.3"
        ),
        scenario!(short "duplicate-in", duplicate_in,
            "a delivery that comes twice has one effect", "ActivityPub s7.1 (de-duplication)"),
        scenario!(
            "delay-out",
            delay_out,
            "a slow peer gets its message",
            "protocol practice"
        ),
        scenario!(
            alone "answer-lost-out",
            answer_lost,
            "a delivery whose answer is lost is tried again with the same id",
            "protocol practice: retry after a broken connection"
        ),
        scenario!(
            alone "refused-503-out",
            refused,
            "a delivery that is answered with 503 is tried again",
            "RFC 9110 s15.6.4"
        ),
        scenario!(
            alone "cut-out",
            cut_out,
            "a delivery that breaks off is tried again",
            "protocol practice"
        ),
        scenario!(
            alone "outage-out",
            outage,
            "what is written while the peer is away arrives when it is back",
            "protocol practice: retry with backoff"
        ),
        scenario!(
            alone "outage-order-out",
            outage_order,
            "it arrives in the order in which it was written",
            "protocol practice: one conversation, one order"
        ),
        scenario!(
            "corrupt-in",
            corrupt_in,
            "a body that changed on the way is refused, and sent again it is taken",
            "RFC 9421 s7.2.8; RFC 3230"
        ),
        scenario!(
            "reordered-in",
            reordered,
            "two messages that overtook each other are both shown",
            "protocol practice: deliveries come out of order"
        ),
    ],
};

async fn order_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = |number: usize| case.text(&format!("words {number:02}"));
    for number in 0..MANY {
        alice.dm(&text(number), &[&bob.id]).await?;
    }
    let numbers = arrivals(case, MANY, &text).await?;
    let expected: Vec<usize> = (0..MANY).collect();
    require!(
        numbers.len() >= MANY,
        "of {MANY} messages not all arrived: {numbers:?}"
    );
    require!(
        numbers == expected,
        "the peer got them in this order: {numbers:?}"
    );
    Ok(())
}

/// Waits for that many messages at the peer; gives their numbers as they came.
async fn arrivals(
    case: &Case<'_>,
    count: usize,
    text: &(impl Fn(usize) -> String + Sync),
) -> Outcome<Vec<usize>> {
    let control = &case.pair.control;
    let read = async || -> Outcome<Vec<usize>> {
        let all = control.received(case.name).await?;
        let creates = all.iter().filter(|one| one["type"] == "Create");
        let number = |one: &Value| (0..count).find(|number| contains(one, &[&text(*number)]));
        Ok(creates.filter_map(number).collect())
    };
    let found = settle(async || {
        let numbers = read().await?;
        Ok((numbers.len() >= count).then_some(numbers))
    });
    match found.await? {
        Some(numbers) => Ok(numbers),
        None => read().await,
    }
}

async fn order_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    for number in 0..MANY {
        bob.note(&case.text(&format!("words {number:02}")), &[&alice.actor])
            .await?;
    }
    for number in 0..MANY {
        alice
            .finds("inbox", &[&case.text(&format!("words {number:02}"))])
            .await?;
    }
    Ok(())
}

async fn shared_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let document = case.document(&alice.actor).await?;
    let Some(shared) = document["endpoints"]["sharedInbox"].as_str() else {
        let reason = "its actors name no shared inbox (ActivityPub s7.1.3 is optional)";
        return Err(crate::outcome::Stop::lacks(
            case.pair.subject.name(),
            reason,
        ));
    };
    let text = case.text("words");
    let create = bob.create(&text, &[&alice.actor], json!({}));
    let body = json!({ "as": bob.id, "activity": create, "targets": [], "inboxes": [shared] });
    let sent = case.pair.control.send(&body).await?;
    require!(
        sent.statuses
            .iter()
            .all(|status| (200..300).contains(status)),
        "the shared inbox answered {:?}",
        sent.statuses
    );
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn duplicate_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (text, after) = (case.text("twice"), case.text("after"));
    case.spoil(
        &case.pair.subject.proxy,
        Rule::post(&text, Fault::Duplicate),
    );
    bob.note(&text, &[&alice.actor]).await?;
    bob.note(&after, &[&alice.actor]).await?;
    alice.finds("inbox", &[&after]).await?;
    let all = alice.list("inbox").await?;
    let count = all.iter().filter(|item| contains(item, &[&text])).count();
    require!(count == 1, "it is shown {count} times");
    Ok(())
}

async fn once(case: &Case<'_>, fault: Fault) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    case.spoil(&case.pair.peer.proxy, Rule::post(&text, fault));
    alice.dm(&text, &[&bob.id]).await?;
    came(case, &text).await
}

/// Waits longer than usual for a message at the peer.
async fn came(case: &Case<'_>, text: &str) -> Outcome {
    let control = &case.pair.control;
    wait::until_within(RECOVERY, "the message at the peer", || async {
        let all = control
            .received(case.name)
            .await
            .map_err(|stop| anyhow::anyhow!("{stop}"))?;
        Ok(all.iter().any(|one| contains(one, &[text])).then_some(()))
    })
    .await?;
    Ok(())
}

async fn delay_out(case: &Case<'_>) -> Outcome {
    once(case, Fault::Delay(Duration::from_secs(4))).await
}

async fn answer_lost(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    case.spoil(&case.pair.peer.proxy, Rule::post(&text, Fault::Mute));
    alice.dm(&text, &[&bob.id]).await?;
    let again = || case.wire(&case.pair.peer.proxy, "Create", &[&text]);
    wait::until_within(RECOVERY, "a second try", || async {
        Ok((again().len() >= 2).then_some(()))
    })
    .await?;
    let ids: Vec<Value> = again()
        .iter()
        .map(|one| one.document["id"].clone())
        .collect();
    if ids.windows(2).any(|two| two.first() != two.last()) {
        fail!("the tries have different ids: {ids:?}");
    }
    Ok(())
}

async fn refused(case: &Case<'_>) -> Outcome {
    once(case, Fault::Refuse(503)).await
}

async fn cut_out(case: &Case<'_>) -> Outcome {
    once(case, Fault::Cut).await
}

async fn outage(case: &Case<'_>) -> Outcome {
    let numbers = after_outage(case).await?;
    require!(
        (0..4).all(|number| numbers.contains(&number)),
        "not all arrived: {numbers:?}"
    );
    Ok(())
}

async fn outage_order(case: &Case<'_>) -> Outcome {
    let numbers = after_outage(case).await?;
    require!(
        numbers == [0, 1, 2, 3],
        "the peer got them in this order: {numbers:?}"
    );
    Ok(())
}

/// Writes four messages, three of them while the peer is away; gives their numbers as they came.
async fn after_outage(case: &Case<'_>) -> Outcome<Vec<usize>> {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = |number: usize| case.text(&format!("words {number:02}"));
    // So that keys and actors are known on both sides.
    alice.dm(&text(0), &[&bob.id]).await?;
    came(case, &text(0)).await?;
    case.pair.peer.proxy.set_down(true);
    for number in 1..4 {
        alice.dm(&text(number), &[&bob.id]).await?;
    }
    let proxy = &case.pair.peer.proxy;
    wait::until_within(RECOVERY, "a try during the outage", || async {
        Ok((!case.wire(proxy, "Create", &[&text(1)]).is_empty()).then_some(()))
    })
    .await?;
    proxy.set_down(false);
    for number in 1..4 {
        came(case, &text(number)).await?;
    }
    arrivals(case, 4, &text).await
}

async fn corrupt_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (first, text) = (case.text("said before"), case.text("words"));
    bob.note(&first, &[&alice.actor]).await?;
    case.spoil(
        &case.pair.subject.proxy,
        Rule::post(&text, Fault::Corrupt).times(usize::MAX),
    );
    let create = bob.create(&text, &[&alice.actor], json!({}));
    let sent = bob.offer(&create, &[&alice.actor]).await?;
    let status = sent.statuses.first().copied().unwrap_or_default();
    require!(
        (400..500).contains(&status),
        "the subject answered {status}"
    );
    // All but the letter that was changed.
    let rest = text.get(1..).unwrap_or_default();
    alice.lacks("inbox", &[rest]).await?;
    case.pair.subject.proxy.heal(case.name);
    bob.note(&text, &[&alice.actor]).await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn reordered(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (one, two) = (case.text("one"), case.text("two"));
    case.spoil(&case.pair.subject.proxy, Rule::post(&one, Fault::Swap));
    bob.note(&one, &[&alice.actor]).await?;
    bob.note(&two, &[&alice.actor]).await?;
    alice.finds("inbox", &[&two]).await?;
    alice.finds("inbox", &[&one]).await?;
    Ok(())
}
