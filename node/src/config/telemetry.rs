//! `[telemetry]`: logs and metrics.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::fault::Fault;

/// Logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Which records to write: a level, or directives such as `info,folkmoot=debug`.
    pub log: String,
    /// How to write them.
    pub format: LogFormat,
    /// Where `GET /metrics` is served for Prometheus; nowhere when this is not set.
    pub metrics_bind: Option<SocketAddr>,
}

/// How log records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Pretty,
    /// One JSON object a line, for collectors.
    Json,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            format: LogFormat::Pretty,
            metrics_bind: None,
        }
    }
}

impl TelemetryConfig {
    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        if let Err(error) = EnvFilter::builder().parse(&self.log) {
            faults.push(Fault::new(
                "telemetry.log",
                format!("{:?} is not a log filter ({error})", self.log),
                "write a level (error, warn, info, debug, trace) or target=level, by comma",
            ));
        }
    }
}
