//! What the proxy does to the requests that it was told to spoil.

use std::time::Duration;

use super::message::Message;

/// One way to spoil an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Passes it on later.
    Delay(Duration),
    /// Ends the connection; the server never sees the request.
    Drop,
    /// Passes the request on and ends the connection instead of answering.
    Mute,
    /// Answers with a status; the server never sees the request.
    Refuse(u16),
    /// Says 202 and loses the request.
    Swallow,
    /// Changes one byte of what the rule looks for in the body.
    Corrupt,
    /// Passes the request on twice.
    Duplicate,
    /// Says 202, and passes the request on after the next one that fits.
    Swap,
    /// Passes half of the body on and ends the connection.
    Cut,
}

impl Fault {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delay(_) => "delayed",
            Self::Drop => "dropped",
            Self::Mute => "answer dropped",
            Self::Refuse(_) => "refused",
            Self::Swallow => "swallowed",
            Self::Corrupt => "corrupted",
            Self::Duplicate => "duplicated",
            Self::Swap => "swapped",
            Self::Cut => "cut",
        }
    }
}

/// Which requests to spoil, how, and how often.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The method; every method when empty.
    pub method: String,
    /// What the target or the body has to contain.
    pub contains: String,
    /// How many that fit are let through first.
    pub after: usize,
    /// How many are spoilt.
    pub times: usize,
    /// What is done to them.
    pub fault: Fault,
    /// The scenario that it belongs to.
    pub about: String,
}

impl Rule {
    /// Spoils the next POST that contains `text`.
    pub fn post(text: &str, fault: Fault) -> Self {
        Self {
            method: "POST".to_owned(),
            contains: text.to_owned(),
            after: 0,
            times: 1,
            fault,
            about: String::new(),
        }
    }

    /// The same, `times` times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// The same, letting `after` through before.
    #[must_use]
    pub fn after(mut self, after: usize) -> Self {
        self.after = after;
        self
    }

    /// Whether it is meant for this request; counts it when it is.
    pub(super) fn take(&mut self, request: &Message) -> Option<Fault> {
        if self.times == 0 || !self.fits(request) {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.fault)
    }

    fn fits(&self, request: &Message) -> bool {
        let method = self.method.is_empty() || request.method() == self.method;
        method
            && (request.target().contains(&self.contains)
                || request.text().contains(&self.contains))
    }
}

/// A copy of `message` with one byte of its body changed: the first of `text`, which counts in
/// every reading of the body, or the one in the middle.
pub(super) fn corrupt(message: &Message, text: &str) -> Message {
    let mut changed = message.clone();
    let middle = changed.body.len() / 2;
    let place = message.text().find(text).unwrap_or(middle);
    if let Some(byte) = changed.body.get_mut(place) {
        *byte ^= 1;
    }
    changed
}
