//! A throw-away server: its own folder, its own port, always stopped.

use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;

use crate::tools;

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// Megabytes of free memory from which on files are kept there.
const PLENTY_MB: u64 = 6_000;

/// A running server. Dropping it stops the server and removes its folder.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    stop_signal: &'static str,
    folder: PathBuf,
}

impl Service {
    /// Starts `command` and waits until it listens on `port`. It is stopped by `stop_signal`.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(
        command: &mut Command,
        port: u16,
        stop_signal: &'static str,
        folder: &Path,
    ) -> Result<Self> {
        let what = command.get_program().to_string_lossy().into_owned();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {what}"))?;
        let mut service = Self {
            child,
            stop_signal,
            folder: folder.to_owned(),
        };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = service.child.try_wait()? {
                let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                bail!("{what} ended with {status}:\n{log}");
            }
            if start.elapsed() > PATIENCE {
                bail!("{what} does not listen on port {port}");
            }
            sleep(PAUSE);
        }
        Ok(service)
    }

    fn stop(&mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill")
            .args(["-s", self.stop_signal, &id])
            .status();
        let start = Instant::now();
        while asked.is_ok() && start.elapsed() < PATIENCE {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            sleep(PAUSE);
        }
        // It did not listen; the last means. A failure here leaves nothing more to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A new folder for a server under the system's temporary folder.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    folder_under(&std::env::temp_dir(), name)
}

/// A new folder for a server whose files need not outlive the machine: in memory, where the system
/// keeps files there and has plenty of it, as the temporary folder otherwise.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn folder_in_memory(name: &str) -> Result<PathBuf> {
    let memory = Path::new("/dev/shm");
    let free = tools::output("df", &["--output=avail", "--block-size=1M", "/dev/shm"]);
    let free = free.and_then(|text| text.lines().last()?.trim().parse::<u64>().ok());
    if free.is_some_and(|megabytes| megabytes >= PLENTY_MB) {
        return folder_under(memory, name);
    }
    folder(name)
}

fn folder_under(parent: &Path, name: &str) -> Result<PathBuf> {
    let unique = format!("folkmoot-{name}-{}-{}", std::process::id(), free_port()?);
    let path = parent.join(unique);
    std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// A loopback port that nothing listens on.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}
