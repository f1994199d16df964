//! Servers that are told by a line what to send to everybody.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::figures::{FRAMES, Figures, SINGLE, percentiles};
use crate::server::Server;
use crate::wire::open;

/// The figures of a server that sends a text as often as it is told, and does nothing else.
pub(crate) async fn measure(command: &mut Command, sockets: usize, text: &str) -> Figures {
    let mut server = Server::start(command);
    let address = format!("127.0.0.1:{}", server.greeting.trim());
    let before = server.memory();
    let wires = open(&address, "", sockets, false).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let kib = (server.memory() - before) / sockets as f64;
    let crowd = Crowd::read(wires);
    let mut times = Vec::new();
    for _ in 0..SINGLE {
        crowd.count.expect(sockets);
        let began = Instant::now();
        server.say(1, text);
        crowd.count.wait().await;
        times.push(began.elapsed());
    }
    let rounds = FRAMES.div_ceil(sockets);
    crowd.count.expect(rounds * sockets);
    let began = Instant::now();
    server.say(rounds, text);
    crowd.count.wait().await;
    let per_second = (rounds * sockets) as f64 / began.elapsed().as_secs_f64();
    let (p50, p99) = percentiles(times);
    Figures {
        per_second,
        p50,
        p99,
        kib,
    }
}
