//! What every node has applied, and what is wrong with it.

use std::collections::HashMap;

/// One sender's part of one conversation.
pub(crate) type Thread = (usize, usize);

/// An activity as the simulation names it: the path of its id is `/a/conversation/number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) sender: usize,
    pub(crate) conversation: usize,
    /// Counts from 1 within the thread.
    pub(crate) number: u64,
}

impl Message {
    pub(crate) fn path(self) -> String {
        format!("/a/{}/{}", self.conversation, self.number)
    }

    /// Reads the host and path of an id.
    pub(crate) fn parse(host: &str, path: &str) -> Option<Self> {
        let sender = host.strip_prefix('n')?.strip_suffix(".example")?;
        let (conversation, number) = path.strip_prefix("/a/")?.split_once('/')?;
        Some(Self {
            sender: sender.parse().ok()?,
            conversation: conversation.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

/// What one node has applied, in the order in which it was committed.
#[derive(Debug, Default)]
pub(crate) struct Record {
    last: HashMap<Thread, u64>,
    pub(crate) applied: u64,
    pub(crate) faults: Vec<String>,
}

impl Record {
    /// Notes an effect. The numbers of a thread have to come in order, without gap or repetition.
    pub(crate) fn apply(&mut self, message: Message) {
        let last = self
            .last
            .entry((message.sender, message.conversation))
            .or_default();
        if message.number == *last + 1 {
            self.applied += 1;
            *last += 1;
            return;
        }
        let what = if message.number <= *last {
            "applied again"
        } else {
            "out of order"
        };
        let fault = format!("{message:?} was {what} after {last}");
        *last = message.number.max(*last);
        self.fault(fault);
    }

    /// Notes what is wrong; a few of it are enough.
    pub(crate) fn fault(&mut self, fault: String) {
        if self.faults.len() < 5 {
            self.faults.push(fault);
        }
    }

    pub(crate) fn last(&self, thread: Thread) -> u64 {
        self.last.get(&thread).copied().unwrap_or(0)
    }
}
