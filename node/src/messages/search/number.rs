//! The numbers of entries: when a message was written, in an order that both databases keep.

use federation_core::Timestamp;

use crate::base::ids::MessageId;

/// Bits of a number below its milliseconds.
const BELOW: u32 = 20;
/// The last millisecond that a number can name, in the year 2248.
const LAST: i64 = (1 << 43) - 1;

/// Spans of time by which PostgreSQL finds entries, as powers of two in milliseconds: 70 minutes,
/// 9 hours, 3 days, 25 days, 199 days.
///
/// Each is eight times the one before it, so that a span with too few finds is followed by one
/// with at most so many times more.
pub(super) const LEVELS: [u32; 5] = [22, 25, 28, 31, 34];

/// The number that a message written at `created_at` gets, unless another has it.
pub(super) fn first(created_at: i64, id: MessageId) -> i64 {
    let last_digits = id.as_str().get(31..).unwrap_or_default();
    let below = i64::from_str_radix(last_digits, 16).unwrap_or_default();
    at(Timestamp::from_millis(created_at)).saturating_add(below)
}

/// The first number of a moment.
pub(super) fn at(time: Timestamp) -> i64 {
    time.as_millis().clamp(0, LAST) << BELOW
}

/// When the message of a number was written, in milliseconds since the Unix epoch.
pub(super) const fn millis(number: i64) -> i64 {
    number >> BELOW
}

/// Which of the spans of a level a moment is in.
pub(super) const fn span(millis: i64, level: u32) -> i64 {
    millis >> level
}

/// Entries from one number up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// The first number.
    pub(super) low: i64,
    /// The number after the last.
    pub(super) high: i64,
}

impl Range {
    /// All that there is.
    pub(super) const ALL: Self = Self {
        low: 0,
        high: i64::MAX,
    };

    /// The end of this range, as much as spans of a level hold.
    #[must_use]
    pub(super) fn end(self, level: u32) -> Self {
        let low = self.high.saturating_sub(length(level)).max(self.low);
        Self { low, ..self }
    }

    /// The start of this range, as much as spans of a level hold.
    #[must_use]
    pub(super) fn start(self, level: u32) -> Self {
        let high = self.low.saturating_add(length(level)).min(self.high);
        Self { high, ..self }
    }

    /// The spans of a level that touch a range no longer than one of them.
    pub(super) fn spans(self, level: u32) -> Vec<i64> {
        let first = span(millis(self.low), level);
        let last = span(millis(self.high.saturating_sub(1)), level);
        if first == last {
            vec![first]
        } else {
            vec![first, last]
        }
    }
}

/// How many numbers a span has.
fn length(level: u32) -> i64 {
    1_i64
        .checked_shl(level.saturating_add(BELOW))
        .unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_order_by_time() {
        let id: MessageId = "0197a3c2-7b1e-7c55-8f00-6b7d2fffffff".parse().unwrap();
        let number = first(1_795_190_734_032, id);
        assert_eq!(millis(number), 1_795_190_734_032);
        let next: MessageId = "0197a3c2-7b1e-7c55-8f00-6b7d2ff00000".parse().unwrap();
        assert!(number < first(1_795_190_734_033, next));
        assert_eq!(millis(first(-5, id)), 0);
        assert!(first(i64::MAX, id) > 0);
    }

    #[test]
    fn a_range_touches_two_spans_at_most() {
        let range = Range {
            low: 0,
            high: at(Timestamp::from_millis((1 << 22) + 5)),
        };
        let end = range.end(22);
        assert_eq!(millis(end.low), 5);
        assert_eq!(end.spans(22), [0, 1]);
        assert_eq!(range.start(22).spans(22), [0]);
        assert_eq!(range.end(34), range);
    }
}
