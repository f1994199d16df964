//! Two servers, Fedify and bovine in one channel: everybody sees what the others do there, and who is
//! banned by its host is out of it at once.
#![cfg(test)]

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::ensure;
use interop_tests::channel::Said;
use interop_tests::channel::Seat;
use interop_tests::network::Network;
use interop_tests::square::Square;
use interop_tests::square::all_see;
use interop_tests::wait;

/// How long something may take until everybody has it.
const PATIENCE: Duration = Duration::from_secs(40);
const THUMB: &str = "\u{1f44d}";

/// A text, and how many thumbs are on it.
type Due = (String, i64);

fn shows(seen: &[Said], due: &[Due]) -> bool {
    let thumbs = |count: i64| -> BTreeMap<String, i64> {
        let one = (count > 0).then(|| (THUMB.to_owned(), count));
        one.into_iter().collect()
    };
    seen.len() == due.len()
        && seen
            .iter()
            .zip(due)
            .all(|(said, (text, count))| said.text == *text && said.reactions == thumbs(*count))
}

/// Waits until all of them see exactly this, in this order.
async fn agree(seats: &[Seat<'_>], due: &[Due]) -> Result<()> {
    all_see(seats, PATIENCE, &format!("{due:?}"), |seen| {
        shows(seen, due)
    })
    .await
}

#[tokio::test]
async fn everybody_sees_what_the_others_say_change_put_and_delete() -> Result<()> {
    let network = Network::start().await?;
    let square = Square::start(&network).await?;
    let seats = square.everybody();

    // One after the other, so that the order is known.
    let (mut due, mut uris) = (Vec::new(), Vec::new());
    for (place, seat) in seats.iter().enumerate() {
        let text = format!("hello {place}");
        uris.push(seat.say(&text).await?);
        due.push((text, 0));
        agree(&[square.alice()], &due).await?;
    }
    agree(&seats, &due).await?;
    // It is the same note everywhere.
    for seat in &seats {
        let seen = seat.sees().await?;
        let seen: Vec<&String> = seen.iter().map(|said| &said.uri).collect();
        ensure!(
            seen.into_iter().eq(&uris),
            "{} has other ids than {uris:?}",
            seat.name()
        );
    }

    for (place, seat) in seats.iter().enumerate() {
        let text = format!("hello again {place}");
        seat.edit(&uris[place], &text).await?;
        due[place].0 = text;
    }
    agree(&seats, &due).await?;

    // Each on what the next one said, so that every server reacts to what came from another.
    let mut reactions = Vec::new();
    for (place, seat) in seats.iter().enumerate() {
        let next = (place + 1) % seats.len();
        reactions.push(seat.react(&uris[next], THUMB).await?);
        due[next].1 += 1;
    }
    agree(&seats, &due).await?;
    let first = square.alice().react(&uris[3], THUMB).await?;
    due[3].1 += 1;
    agree(&seats, &due).await?;
    square.alice().take_off(&uris[3], THUMB, &first).await?;
    due[3].1 -= 1;
    for (place, (seat, reaction)) in seats.iter().zip(reactions).enumerate() {
        let next = (place + 1) % seats.len();
        seat.take_off(&uris[next], THUMB, &reaction).await?;
        due[next].1 -= 1;
    }
    agree(&seats, &due).await?;

    for (place, seat) in seats.iter().enumerate() {
        seat.delete(&uris[place]).await?;
    }
    agree(&seats, &[]).await
}

#[tokio::test]
async fn who_is_banned_at_the_host_is_out_at_once() -> Result<()> {
    let network = Network::start().await?;
    let square = Square::start(&network).await?;
    let (alice, bob) = (square.alice(), square.bob());
    let (fedify, bovine) = (square.fedify(), square.bovine());
    let say = |text: &str| (text.to_owned(), 0);

    // An actor of another implementation.
    let theirs = bovine.say("still here").await?;
    let mut due = vec![say("still here")];
    agree(&square.everybody(), &due).await?;
    let known = square.author(&theirs).await?;
    let start = Instant::now();
    square.alice.ban(&square.community, &known).await?;
    let banned = start.elapsed();
    // Before their server can have heard of it: taken, and without effect.
    bovine.say("banned words").await?;
    bovine.edit(&theirs, "changed by the banned").await?;
    square.bovine.expect("Block", &square.group).await?;
    square.bovine.expect("Reject", &square.group).await?;
    let told = start.elapsed();
    alice.say("after the ban").await?;
    due.push(say("after the ban"));
    agree(&[alice, bob, fedify], &due).await?;
    println!("bovine: banned in {banned:?}, told after {told:?}");
    let seen = bovine.sees().await?;
    ensure!(
        shows(&seen, &[say("still here")]),
        "bovine still gets what is said: {seen:?}"
    );

    // A member of another server of this kind.
    let theirs = bob.say("here too").await?;
    due.push(say("here too"));
    agree(&[alice, bob, fedify], &due).await?;
    let known = square.author(&theirs).await?;
    let start = Instant::now();
    square.alice.ban(&square.community, &known).await?;
    let banned = start.elapsed();
    // Refused there once that server has heard of the ban, and by the host in any case.
    let tried = bob.say("more banned words").await;
    let group = serde_json::json!(square.group);
    let refused = wait::until("the refusal", || async {
        let joined = square.bob.joined(&group).await?;
        Ok((joined["state"] == "refused").then_some(joined))
    })
    .await?;
    let told = start.elapsed();
    assert_eq!(refused["reason"], "refused_by_its_node", "{refused}");
    ensure!(
        bob.say("and more").await.is_err(),
        "who is banned writes on at their own server"
    );
    alice.say("without them").await?;
    due.push(say("without them"));
    agree(&[alice, fedify], &due).await?;
    println!("b: banned in {banned:?}, told after {told:?}");
    let seen = bob.sees().await?;
    ensure!(
        seen.iter().all(|said| said.text != "without them"),
        "who is banned still gets what is said: {seen:?}"
    );
    if let Ok(uri) = tried {
        let seen = alice.sees().await?;
        ensure!(
            seen.iter().all(|said| said.uri != uri),
            "it came through: {seen:?}"
        );
    }
    Ok(())
}
