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
    let mut socket = bus.subscribe(user, None).unwrap();
    let mut narrow = bus.subscribe(user, Some(second)).unwrap();
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
