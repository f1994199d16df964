//! That whispers never take the place of events.

use federation_core::Timestamp;

use super::*;
use crate::base::ids::ChannelId;

#[tokio::test]
async fn a_whisper_never_takes_the_place_of_an_event() {
    let now = Timestamp::from_millis(1_795_190_734_032);
    let (user, other) = (UserId::new(now), UserId::new(now));
    let [topic, second] = [(); 2].map(|()| Topic::Channel(ChannelId::new(now)));
    let bus = Bus::new(8, 2);
    let mut socket = bus.subscribe(user, None, Form::Full).unwrap();
    let mut narrow = bus.subscribe(user, Some(second), Form::Full).unwrap();
    socket.follow([topic, second]);
    narrow.follow([second]);
    let text = Utf8Bytes::from_static("{}");
    bus.whisper([topic, second], Some(user), &text);
    bus.whisper([topic, second], Some(other), &text);
    for _ in 0..1000 {
        bus.whisper([topic], None, &text);
    }
    let event = |seq| StoredEvent {
        seq,
        topic,
        op: "message.created".to_owned(),
        effect: None,
        data: "{}".to_owned(),
    };
    bus.publish(&(1..=8).map(event).collect::<Vec<_>>());
    let mut frames = Vec::new();
    socket.receive(&mut frames, 64).await.unwrap();
    let numbers: Vec<Option<i64>> = frames.iter().map(|frame| frame.seq).collect();
    assert_eq!(numbers, (1..=8).map(Some).collect::<Vec<_>>());
    frames.clear();
    while frames.len() < WHISPERS {
        let limit = frames.len() + 64;
        socket.receive(&mut frames, limit).await.unwrap();
    }
    assert!(frames.iter().all(|frame| frame.seq.is_none()));
    assert_eq!(frames.len(), WHISPERS);
    // Once, although it was for two topics, and of its own channel alone.
    frames.clear();
    narrow.receive(&mut frames, 64).await.unwrap();
    assert_eq!(frames.len(), 1);
}

#[tokio::test]
async fn a_light_place_is_told_the_least() {
    let now = Timestamp::from_millis(1_795_190_734_032);
    let (user, channel) = (UserId::new(now), ChannelId::new(now));
    let bus = Bus::new(8, 2);
    let mut light = bus.subscribe(user, None, Form::Light).unwrap();
    let mut full = bus.subscribe(user, None, Form::Full).unwrap();
    let event = |seq, op: &str, data: &str| StoredEvent {
        seq,
        topic: Topic::Channel(channel),
        op: op.to_owned(),
        effect: None,
        data: data.to_owned(),
    };
    for place in [&light, &full] {
        place.follow([Topic::Channel(channel)]);
    }
    let message =
        r#"{"id":"m","author":{"id":"u","bio":"long"},"content":"hi","html":"<p>hi</p>"}"#;
    bus.publish(&[
        event(1, "message.created", message),
        event(2, "delivery.updated", "{}"),
        event(3, "message.deleted", r#"{"id":"m"}"#),
    ]);
    let mut told = Vec::new();
    light.receive(&mut told, 64).await.unwrap();
    let texts: Vec<&str> = told.iter().map(|frame| frame.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{"op":"message.created","seq":1,"d":{"id":"m","author_id":"u","content":"hi"}}"#,
            "",
            r#"{"op":"message.deleted","seq":3,"d":{"id":"m"}}"#,
        ]
    );
    told.clear();
    full.receive(&mut told, 64).await.unwrap();
    let texts: Vec<&str> = told.iter().map(|frame| frame.text.as_str()).collect();
    assert_eq!(
        texts[0],
        format!(r#"{{"op":"message.created","seq":1,"d":{message}}}"#)
    );
    assert_eq!(bus.last_of(Topic::Channel(channel)), 3);
    let other = Topic::Channel(ChannelId::new(now));
    assert_eq!(bus.last_of(other), 0);
    assert_eq!(bus.take_written().get(&channel), Some(&1));
    assert!(bus.take_written().is_empty());
}
