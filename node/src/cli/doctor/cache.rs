//! The Redis server over which several processes tell each other: reached, let in, and quick.

use std::time::Duration;

use federation_core::{Clock as _, SystemClock};

use super::Check;
use crate::config::Config;
use crate::platform::cluster::{ProbeError, probe};

/// A notice that takes longer is no quicker than looking into the database.
const SLOW: Duration = Duration::from_millis(100);

/// Redis connects, lets in, and hands on what is published.
pub(super) async fn cache(config: &Config) -> Check {
    let Some(server) = config.cache.server() else {
        let detail = "cache.url is not set; one process alone needs no Redis";
        return Check::skipped("cache", detail);
    };
    // Host and port, without the login.
    let place = server.addr().to_string();
    let origin = config.origin(config.server.bind);
    let probed = match probe(server, &origin, SystemClock.now()).await {
        Ok(probed) => probed,
        Err(error) => {
            let detail = format!("Redis at {place}: {error}");
            return Check::failed("cache", detail, advice(&error));
        }
    };
    let detail = format!(
        "Redis at {place}: connected in {:.1} ms, a notice takes {:.1} ms",
        millis(probed.connecting),
        millis(probed.round_trip),
    );
    if probed.round_trip > SLOW {
        let advice = "put Redis near the node: what other processes change shows late";
        return Check::warning("cache", detail, advice);
    }
    Check::good("cache", detail)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn advice(error: &ProbeError) -> &'static str {
    match error {
        ProbeError::Unreachable => {
            "start Redis, and check host, port and certificate in cache.url; the node works \
             without it, and its processes hear of each other's changes later"
        }
        ProbeError::Refused => "write redis://user:password@host:port/ as Redis has them",
        ProbeError::NotPermitted => {
            "let the login publish and subscribe: ACL SETUSER <user> +@pubsub +@connection &folkmoot/notices/*"
        }
        ProbeError::TooOld => "use Redis 6 or newer, or Valkey",
        ProbeError::Silent => "check for a proxy in between that does not hand on messages",
        ProbeError::Other(_) => "look into the log of Redis",
    }
}
