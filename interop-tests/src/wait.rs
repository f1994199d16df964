//! Waiting for something to become true, with a deadline and a reason.

use std::future::Future;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;

/// How long a thing may take that needs the network to settle.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two probes.
pub const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until `probe` gives something, for at most [`PATIENCE`].
///
/// # Errors
/// When `probe` fails, or still gives nothing at the end.
pub async fn until<T, F, Fut>(what: &str, probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    until_within(PATIENCE, what, probe).await
}

/// As [`until`], for at most `patience`.
///
/// # Errors
/// When `probe` fails, or still gives nothing at the end.
pub async fn until_within<T, F, Fut>(patience: Duration, what: &str, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        if start.elapsed() > patience {
            bail!("waited {patience:?} in vain for {what}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
