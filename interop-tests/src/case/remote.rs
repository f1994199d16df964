//! An actor of the peer: what it sends, and what it gets.

use anyhow::Context as _;
use serde_json::Value;
use serde_json::json;

use super::Case;
use super::account::Account;
use super::contains;
use super::is_a;
use super::quoted;
use super::settle;
use crate::control::Sent;
use crate::fail;
use crate::outcome::Outcome;
use crate::proxy::mentions;

/// An actor of the peer.
#[derive(Clone, Debug)]
pub struct Remote<'a> {
    pub(super) case: &'a Case<'a>,
    /// The actor's id.
    pub id: String,
    /// `@name@host`.
    pub handle: String,
}
impl Remote<'_> {
    /// Sends an activity to these actors; every inbox has to take it.
    ///
    /// # Errors
    /// When the peer cannot, or an inbox refuses.
    pub async fn send(&self, activity: &Value, to: &[&str]) -> Outcome<Sent> {
        let sent = self.offer(activity, to).await?;
        let kind = activity["type"].as_str().unwrap_or_default();
        if sent.statuses.is_empty() {
            fail!("the peer delivered its {kind} to nobody");
        }
        if let Some(status) = sent
            .statuses
            .iter()
            .find(|status| !(200..300).contains(*status))
        {
            fail!("the subject answered {status} to the peer's {kind}");
        }
        Ok(sent)
    }

    /// Sends an activity to these actors, whatever they answer.
    ///
    /// # Errors
    /// When the peer cannot.
    pub async fn offer(&self, activity: &Value, to: &[&str]) -> Outcome<Sent> {
        let body = json!({ "as": self.id, "activity": activity, "targets": to });
        self.case.pair.control.send(&body).await
    }

    /// Sends a Note with this text to these actors, mentioning them; gives its id.
    ///
    /// # Errors
    /// When the peer cannot, or an inbox refuses.
    pub async fn note(&self, text: &str, to: &[&str]) -> Outcome<String> {
        self.note_with(text, to, json!({})).await
    }

    /// As [`Remote::note`], with further members of the Note.
    ///
    /// # Errors
    /// As [`Remote::note`].
    pub async fn note_with(&self, text: &str, to: &[&str], more: Value) -> Outcome<String> {
        let create = self.create(text, to, more);
        let sent = self.send(&create, to).await?;
        Ok(sent.object.context("the peer named no Note that it made")?)
    }

    /// A Create of a Note from this actor.
    pub fn create(&self, text: &str, to: &[&str], more: Value) -> Value {
        let tags: Vec<Value> = to
            .iter()
            .map(|href| json!({ "type": "Mention", "href": href }))
            .collect();
        let mut note = json!({
            "type": "Note", "attributedTo": self.id, "to": to, "tag": tags,
            "content": format!("<p>{text}</p>"),
        });
        if let (Some(note), Value::Object(more)) = (note.as_object_mut(), more) {
            note.extend(more);
        }
        let (to, cc) = (note["to"].clone(), note["cc"].clone());
        let mut create = json!({ "type": "Create", "actor": self.id, "to": to, "object": note });
        if !cc.is_null() {
            create["cc"] = cc;
        }
        create
    }

    /// Waits for an activity of a type that contains all of `parts`; gives it.
    ///
    /// # Errors
    /// When none comes; the message lists the types that came instead.
    pub async fn gets(&self, kind: &str, parts: &[&str]) -> Outcome<Value> {
        self.gets_any(&[kind], parts).await
    }

    /// As [`Remote::gets`], of one of several types.
    ///
    /// # Errors
    /// As [`Remote::gets`].
    pub async fn gets_any(&self, kinds: &[&str], parts: &[&str]) -> Outcome<Value> {
        let control = &self.case.pair.control;
        let found = settle(async || {
            let all = control.received(self.case.name).await?;
            let fits =
                |one: &Value| kinds.iter().any(|kind| is_a(one, kind)) && contains(one, parts);
            Ok(all.into_iter().find(fits))
        });
        if let Some(activity) = found.await? {
            return Ok(activity);
        }
        let all = control.received(self.case.name).await?;
        let all = all
            .iter()
            .filter(|one| mentions(&one.to_string(), self.case.name));
        let mut came: Vec<&str> = all.map(|one| one["type"].as_str().unwrap_or("?")).collect();
        came.dedup();
        let came = if came.is_empty() {
            "nothing".to_owned()
        } else {
            came.join(", ")
        };
        fail!(
            "the peer got no {} with {}; it got {came}",
            kinds.join(" or "),
            quoted(parts)
        )
    }

    /// Follows an account and waits for its Accept; gives the id of the Follow.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn follows(&self, account: &Account<'_>) -> Outcome<String> {
        let follow = json!({
            "type": "Follow", "actor": self.id, "object": account.actor, "to": [account.actor],
        });
        let sent = self.send(&follow, &[&account.actor]).await?;
        self.gets("Accept", &[&account.actor, &sent.activity])
            .await?;
        Ok(sent.activity)
    }
}
