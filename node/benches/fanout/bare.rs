//! The bare loop: one thread writes the same bytes to one socket after another.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

/// This program, as the bare loop.
pub(crate) fn command() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--bare");
    command
}

/// Says its port, and serves until its input ends.
pub(crate) fn run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let (to_loop, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut request = Vec::new();
            let mut some = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut some).unwrap();
                assert_ne!(read, 0);
                request.extend_from_slice(&some[..read]);
            }
            let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                           Upgrade: websocket\r\n\r\n";
            // Before the answer: whoever has it is in the loop.
            to_loop.send(stream.try_clone().unwrap()).unwrap();
            stream.write_all(answer).unwrap();
        }
    });
    let mut sockets = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let told: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = told["text"].as_str().unwrap();
        let mut frame = vec![0x81];
        if let Some(short) = u8::try_from(text.len()).ok().filter(|short| *short < 126) {
            frame.push(short);
        } else {
            frame.push(126);
            frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        }
        frame.extend(text.as_bytes());
        sockets.extend(opened.try_iter());
        for _ in 0..told["count"].as_u64().unwrap() {
            for socket in &mut sockets {
                socket.write_all(&frame).unwrap();
            }
        }
    }
}
