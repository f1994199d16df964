//! CPU time of this process, and what one of many activities took of it.

use std::fmt;
use std::time::{Duration, Instant};

/// The kernel counts in hundredths of a second (`USER_HZ`), whatever its own ticks are.
const TICK: Duration = Duration::from_millis(10);

/// What one activity cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    cpu_micros: f64,
    per_second: f64,
}

impl Cost {
    /// How many times this is of that.
    pub(super) fn over(self, floor: Self) -> f64 {
        self.cpu_micros / floor.cpu_micros
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:.1} us ({:.0}/s)",
            self.cpu_micros, self.per_second
        )
    }
}

/// A measurement that has begun.
#[derive(Debug)]
pub(super) struct Meter {
    cpu: Duration,
    started: Instant,
}

impl Meter {
    pub(super) fn start() -> Self {
        Self {
            cpu: used(),
            started: Instant::now(),
        }
    }

    pub(super) fn stop(self, count: usize) -> Cost {
        let (cpu, wall) = (used().saturating_sub(self.cpu), self.started.elapsed());
        Cost {
            cpu_micros: cpu.as_secs_f64() * 1e6 / count as f64,
            per_second: count as f64 / wall.as_secs_f64(),
        }
    }
}

/// User and system time of all threads, ended ones too (proc(5), fields 14 and 15).
fn used() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = times.map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    TICK * ticks
}
