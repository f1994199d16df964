//! Waiting for something to become true, with a deadline and a reason, and for somebody who has too
//! much to do.

use std::future::Future;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;

/// How long a thing may take that needs the network to settle.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two probes.
pub const PAUSE: Duration = Duration::from_millis(20);
/// How often somebody who has too much to do is asked again.
const TRIES: u32 = 15;
/// Between two such tries.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

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

/// Asks, and again for a while where the answer is that there is too much to do now, as other clients
/// and every sender do; gives the last answer.
pub async fn patiently<T, F, Fut>(mut ask: F, is_too_much: impl Fn(&T) -> bool) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = T>,
{
    for _ in 0..TRIES {
        let answer = ask().await;
        if !is_too_much(&answer) {
            return answer;
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    ask().await
}

/// Whether a status says that there is too much to do now.
pub fn is_too_much(status: u16) -> bool {
    matches!(status, 429 | 503)
}
