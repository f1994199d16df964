//! A real Redis server of a test's own, which it may kill and start again.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Redis server that keeps nothing; it is killed when it is dropped.
pub(super) struct Redis {
    port: u16,
    process: Option<Child>,
    directory: tempfile::TempDir,
}

impl Redis {
    pub(super) fn start() -> Self {
        // Free a moment ago; should somebody else take it, starting fails and says so.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut redis = Self {
            port,
            process: None,
            directory: tempfile::tempdir().unwrap(),
        };
        redis.start_again();
        redis
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts it once more, at the same port.
    pub(super) fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let process = Command::new(program())
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string()])
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it as a machine that loses its power would (SIGKILL).
    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let named = |name: &str| {
        std::env::split_paths(&folders)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    };
    let found = named("redis-server").or_else(|| named("valkey-server"));
    found.expect("redis-server or valkey-server has to be installed")
}
