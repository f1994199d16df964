//! Requests that must have no effect: each is sent between two honest ones of the same sender, so
//! that a subject that takes nothing at all does not pass.

mod authority;
mod requests;

use serde_json::Value;

use super::Theme;
use crate::case::Account;
use crate::case::Case;
use crate::case::contains;
use crate::fail;
use crate::hostile::Hostile;
use crate::hostile::forge::Forged;
use crate::hostile::inbox_of;
use crate::hostile::serve::Reply;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::require;
use crate::wait;

pub(super) const REQUESTS: Theme = Theme {
    name: "Hostile requests",
    scenarios: requests::ALL,
};

pub(super) const AUTHORITY: Theme = Theme {
    name: "Hostile activities",
    scenarios: authority::ALL,
};

/// An account, and the servers that mean it harm.
struct Ground<'a> {
    case: &'a Case<'a>,
    alice: Account<'a>,
    inbox: String,
    /// Sends with a key and an actor of its own.
    mallory: &'a Hostile,
    /// Does nothing wrong; others speak in its name.
    victim: &'a Hostile,
    name: String,
    text: String,
}

impl<'a> Ground<'a> {
    async fn new(case: &'a Case<'a>) -> Outcome<Self> {
        let alice = case.account("a").await?;
        let [mallory, victim] = case.pair.hostile().await?;
        let name = format!("m_{}", case.name.replace('-', "_"));
        for server in [mallory, victim] {
            server.put_actor(&name, Reply::status(202));
        }
        let inbox = inbox_of(case.pair.subject.http(), &alice.actor).await?;
        let ground = Self {
            case,
            alice,
            inbox,
            mallory,
            victim,
            name,
            text: case.text("forged words"),
        };
        ground.says(1, "honest words before").await?;
        Ok(ground)
    }

    /// A well-made message of mallory's with these words.
    fn create(&self, number: u32, words: &str) -> Value {
        let words = format!("{words} of {}", self.case.name);
        let mut create = self
            .mallory
            .create(&self.name, &self.alice.actor, number, &words);
        let unique = format!(
            "{}/notes/{}-{number}",
            self.mallory.origin(),
            self.case.name
        );
        create["id"] = Value::from(format!("{unique}/create"));
        create["object"]["id"] = Value::from(unique);
        create
    }

    fn key_id(&self) -> String {
        format!("{}#main-key", self.mallory.actor(&self.name))
    }

    /// A request with nothing wrong.
    fn honest(&self, body: &Value) -> Outcome<Forged> {
        Ok(Forged::honest(&self.inbox, &self.key_id(), body)?)
    }

    /// Sends a request signed with mallory's key; gives the status, or 0 without an answer. Whoever
    /// says that there is too much to do now is asked again, as every sender does.
    async fn send(&self, request: &Forged) -> u16 {
        let http = self.case.pair.subject.http();
        let send = || async {
            let answer = request.send(http, self.mallory.key()).await;
            answer.map_or(0, |status| status.as_u16())
        };
        wait::patiently(send, |status: &u16| wait::is_too_much(*status)).await
    }

    /// Says something honest and waits for it to be shown.
    async fn says(&self, number: u32, words: &str) -> Outcome {
        let status = self.send(&self.honest(&self.create(number, words))?).await;
        require!(
            (200..300).contains(&status),
            "an honest request got {status}"
        );
        let shown = format!("{words} of {}", self.case.name);
        self.alice.finds("inbox", &[&shown]).await.map(drop)
    }

    /// Sends the request that must have no effect, and sees that it has none.
    async fn attack(&self, request: &Forged) -> Outcome {
        let status = self.send(request).await;
        self.nothing(status).await
    }

    /// Sees that the forged words are not shown, after something honest is.
    async fn nothing(&self, status: u16) -> Outcome {
        require!(status < 500, "the answer is {status}: it fell over");
        self.says(9, "honest words after").await?;
        let all = self.alice.list("inbox").await?;
        if all.iter().any(|item| contains(item, &[&self.text])) {
            fail!("it had an effect; the answer was {status}");
        }
        Ok(())
    }

    /// Stops for subjects that only log what passed the signature check.
    fn judges_authority(&self) -> Outcome {
        if self.case.pair.subject.description.log {
            let reason = "it shows what passed the signature check, whoever may say it \
                          (docs/interop.md, log)";
            return Err(Stop::lacks(self.case.pair.subject.name(), reason));
        }
        Ok(())
    }
}

/// The scenarios of both themes.
#[cfg(test)]
pub(super) fn count() -> usize {
    let themes: [&[super::Scenario]; 2] = [requests::ALL, authority::ALL];
    themes.iter().map(|theme| theme.len()).sum()
}
