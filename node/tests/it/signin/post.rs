//! A real mail server for tests: aiosmtpd, which `cargo xtask test` installs.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use super::world::World;
use crate::port;

/// A running mail server; it stops when this is dropped.
pub(crate) struct Post {
    server: Child,
    told: Mutex<Receiver<Value>>,
    pub(crate) port: u16,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) text: String,
}

impl Post {
    pub(crate) fn start() -> Self {
        Self::start_at(port::free(), 0)
    }

    /// Listens on `port` and puts the first `busy` messages off.
    pub(crate) fn start_at(port: u16, busy: u32) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let python = target.join("peers/mail/bin/python");
        assert!(
            python.exists(),
            "{} is missing: `cargo xtask test` installs it",
            python.display()
        );
        let mut server = Command::new(python)
            .arg(root.join("interop-tests/peers/mail/sink.py"))
            .args(["--port", &port.to_string(), "--busy", &busy.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let (tell, told) = channel::<Value>();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _gone = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        let listening = told.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(listening["port"], port);
        Self {
            server,
            told: Mutex::new(told),
            port,
        }
    }

    /// The next message; time goes on meanwhile, a second at a time.
    pub(crate) async fn next(&self, world: &World) -> Letter {
        for _ in 0..200 {
            if let Some(letter) = self.within(world, Duration::from_millis(50)).await {
                return letter;
            }
        }
        panic!("no message came")
    }

    /// That nothing comes although everything that waits is looked at.
    pub(crate) async fn nothing(&self, world: &World) {
        for _ in 0..5 {
            let letter = self.within(world, Duration::from_millis(50)).await;
            assert!(letter.is_none(), "{letter:?}");
        }
        assert_eq!(world.waiting().await, (0, 0));
        assert_eq!(self.try_next(), None);
    }

    fn try_next(&self) -> Option<Value> {
        self.told.lock().unwrap().try_recv().ok()
    }

    async fn within(&self, world: &World, pause: Duration) -> Option<Letter> {
        world.time.advance(Duration::from_secs(1));
        tokio::time::sleep(pause).await;
        let told = self.try_next()?;
        Some(Letter {
            to: told["to"][0].as_str().unwrap().to_owned(),
            text: told["data"].as_str().unwrap().to_owned(),
        })
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _reaped = self.server.wait();
    }
}

impl Letter {
    /// The code that it holds.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let is_code = |line: &&str| line.len() == 43 && !line.contains(' ');
        let found = self.text.lines().map(str::trim).find(is_code);
        found
            .unwrap_or_else(|| panic!("no code in {}", self.text))
            .to_owned()
    }
}
