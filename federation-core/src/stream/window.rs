//! Which activities are under way: numbering and acknowledging, without any IO.

use std::collections::BTreeMap;

use thiserror::Error;

use super::CloseReason;
use super::frame::MAX_SEQ;

/// What the other side did that the protocol does not allow.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// An `ack` for a number that was never sent.
    #[error("an ack for {seq}, which was never sent")]
    NeverSent {
        /// The number.
        seq: u64,
    },
    /// A second `ack` for a number.
    #[error("a second ack for {seq}")]
    AlreadySettled {
        /// The number.
        seq: u64,
    },
    /// An activity with another number than the next.
    #[error("activity {got} where {expected} is due")]
    OutOfOrder {
        /// The number that is due.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// An activity beyond the window.
    #[error("more than {window} activities without an ack")]
    Overrun {
        /// The size of the window.
        window: usize,
    },
}

impl Violation {
    /// How the stream is closed for it.
    pub const fn reason(self) -> CloseReason {
        match self {
            Self::NeverSent { .. } | Self::AlreadySettled { .. } | Self::OutOfOrder { .. } => {
                CloseReason::OutOfOrder
            }
            Self::Overrun { .. } => CloseReason::Overrun,
        }
    }

    /// Whether the same frame may be in order later: never.
    pub const fn is_retryable(self) -> bool {
        false
    }
}

/// The sender's side: what was sent and waits for its `ack`.
#[derive(Debug)]
pub struct SendWindow<T> {
    size: usize,
    last: u64,
    waiting: BTreeMap<u64, T>,
}

impl<T> SendWindow<T> {
    /// A window with room for `size` activities.
    pub const fn new(size: usize) -> Self {
        Self {
            size,
            last: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// Whether one more may be sent.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.size && self.last < MAX_SEQ
    }

    /// Numbers what is sent next, and keeps what is remembered of it.
    ///
    /// # Errors
    /// Gives `item` back when there is no room.
    pub fn send(&mut self, item: T) -> Result<u64, T> {
        if !self.has_room() {
            return Err(item);
        }
        self.last += 1;
        self.waiting.insert(self.last, item);
        Ok(self.last)
    }

    /// Takes an `ack`, in whatever order it comes.
    ///
    /// # Errors
    /// [`Violation::NeverSent`], [`Violation::AlreadySettled`].
    pub fn acknowledge(&mut self, seq: u64) -> Result<T, Violation> {
        self.waiting
            .remove(&seq)
            .ok_or(if seq > self.last || seq == 0 {
                Violation::NeverSent { seq }
            } else {
                Violation::AlreadySettled { seq }
            })
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The one that was sent first of those that wait.
    pub fn oldest(&self) -> Option<&T> {
        self.waiting.first_key_value().map(|(_, item)| item)
    }
}

/// The receiver's side: what came and is not settled.
#[derive(Debug)]
pub struct ReceiveWindow {
    size: usize,
    last: u64,
    unsettled: usize,
}

impl ReceiveWindow {
    /// A window with room for `size` activities.
    pub const fn new(size: usize) -> Self {
        Self {
            size,
            last: 0,
            unsettled: 0,
        }
    }

    /// Takes in an activity.
    ///
    /// # Errors
    /// [`Violation::OutOfOrder`], [`Violation::Overrun`].
    pub const fn admit(&mut self, seq: u64) -> Result<(), Violation> {
        let expected = self.last + 1;
        if seq != expected {
            return Err(Violation::OutOfOrder { expected, got: seq });
        }
        if self.unsettled >= self.size {
            return Err(Violation::Overrun { window: self.size });
        }
        self.last = seq;
        self.unsettled += 1;
        Ok(())
    }

    /// One of those taken in is settled, and its `ack` about to be sent.
    pub const fn settle(&mut self) {
        self.unsettled = self.unsettled.saturating_sub(1);
    }

    /// How many are not settled.
    pub const fn unsettled(&self) -> usize {
        self.unsettled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn acknowledges_each_number_once() {
        let mut window = SendWindow::new(2);
        assert_eq!(window.send("a"), Ok(1));
        assert_eq!(window.send("b"), Ok(2));
        assert_eq!(window.send("c"), Err("c"));
        assert_eq!(window.oldest(), Some(&"a"));
        assert_eq!(window.acknowledge(2), Ok("b"));
        assert_eq!(
            window.acknowledge(2),
            Err(Violation::AlreadySettled { seq: 2 })
        );
        assert_eq!(window.acknowledge(3), Err(Violation::NeverSent { seq: 3 }));
        assert_eq!(window.acknowledge(0), Err(Violation::NeverSent { seq: 0 }));
        assert_eq!(window.send("c"), Ok(3));
        assert_eq!(window.acknowledge(1), Ok("a"));
        assert_eq!(window.len(), 1);
    }

    #[test]
    fn admits_in_order_and_within_the_window() {
        let mut window = ReceiveWindow::new(2);
        let out_of_order = |expected, got| Err(Violation::OutOfOrder { expected, got });
        assert_eq!(window.admit(0), out_of_order(1, 0));
        assert_eq!(window.admit(2), out_of_order(1, 2));
        assert_eq!(window.admit(1), Ok(()));
        assert_eq!(window.admit(1), out_of_order(2, 1));
        assert_eq!(window.admit(2), Ok(()));
        assert_eq!(window.admit(3), Err(Violation::Overrun { window: 2 }));
        window.settle();
        assert_eq!(window.admit(3), Ok(()));
    }

    proptest! {
        /// Whatever order the acks take, a receiver that is told what a sender sends admits all,
        /// and each ack settles exactly the one it names.
        #[test]
        fn two_windows_agree(size in 1_usize..20, acks in prop::collection::vec(0_usize..64, 0..200)) {
            let (mut sender, mut receiver) = (SendWindow::new(size), ReceiveWindow::new(size));
            let mut unacknowledged = Vec::new();
            let mut acks = acks.into_iter();
            for number in 1..=200_u64 {
                while let Err(returned) = sender.send(number) {
                    prop_assert_eq!(returned, number);
                    let chosen = acks.next().unwrap_or(0) % unacknowledged.len();
                    let seq: u64 = unacknowledged.swap_remove(chosen);
                    receiver.settle();
                    prop_assert_eq!(sender.acknowledge(seq), Ok(seq));
                }
                prop_assert_eq!(receiver.admit(number), Ok(()));
                unacknowledged.push(number);
                prop_assert_eq!(sender.len(), unacknowledged.len());
                prop_assert_eq!(receiver.unsettled(), unacknowledged.len());
            }
        }
    }
}
