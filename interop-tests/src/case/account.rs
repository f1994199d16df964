//! An account of the subject: what it does, and what it is shown.

use anyhow::Context as _;
use serde_json::Value;
use serde_json::json;

use super::Case;
use super::PUBLIC;
use super::contains;
use super::quoted;
use super::said;
use super::settle;
use crate::adapter::template::Values;
use crate::fail;
use crate::outcome::Outcome;
use crate::outcome::Stop;

/// An account of the subject.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) values: Values,
    /// The actor's id.
    pub actor: String,
    /// `@name@host`.
    pub handle: String,
}
impl Account<'_> {
    /// Does an action; gives what was captured.
    ///
    /// # Errors
    /// When it is not supported, or fails.
    pub async fn act(&self, action: &str, with: Value) -> Outcome<Values> {
        let mut values = self.values.clone();
        if let Value::Object(members) = with {
            values.extend(members);
        }
        self.case.pair.subject.perform(action, &values).await
    }

    /// Sends a direct message to these actors; gives what was captured and the object's id.
    ///
    /// # Errors
    /// As [`Account::make`].
    pub async fn dm(&self, text: &str, to: &[&str]) -> Outcome<(Values, String)> {
        self.make("direct_message", said(text, to)).await
    }

    /// Posts for everybody; gives what was captured and the object's id.
    ///
    /// # Errors
    /// As [`Account::make`].
    pub async fn post(&self, text: &str, to: &[&str]) -> Outcome<(Values, String)> {
        let mut with = said(text, to);
        with["audience"] = json!([PUBLIC]);
        with["copies"] = json!(to);
        with["visibility"] = json!("public");
        self.make("post", with).await
    }

    /// Waits until something said is no longer shown, or, where the inbox is a log, until its
    /// deletion is.
    ///
    /// # Errors
    /// When it still is shown at the end.
    pub async fn forgets(&self, object: &str, text: &str) -> Outcome {
        if self.case.pair.subject.description.log {
            return self.finds("inbox", &["Delete", object]).await.map(drop);
        }
        self.loses("inbox", &[text]).await
    }

    /// Stops when the subject does not support an action: what it cannot do itself it need not
    /// show of others.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] in that case.
    pub fn needs(&self, action: &str) -> Outcome {
        let description = &self.case.pair.subject.description;
        let found = description.actions.get(action);
        match found.map(|action| &action.unsupported) {
            Some(None) => Ok(()),
            Some(Some(reason)) => Err(Stop::lacks(&description.name, reason)),
            None => Err(Stop::lacks(
                &description.name,
                &format!("its description has no {action}"),
            )),
        }
    }

    /// The word by which the subject shows an activity of a type: the type, unless its description
    /// has another.
    pub fn shown<'s>(&'s self, kind: &'s str) -> &'s str {
        let words = &self.case.pair.subject.description.shows;
        words.get(kind).map_or(kind, String::as_str)
    }

    /// Does an action that makes an object; gives what was captured and the object's id.
    ///
    /// # Errors
    /// When it is not supported, fails, or captures no `object`.
    pub async fn make(&self, action: &str, with: Value) -> Outcome<(Values, String)> {
        let values = self.act(action, with).await?;
        let object = values
            .get("object")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let object = object.with_context(|| format!("{action} captured no object"))?;
        Ok((values, object))
    }

    /// Goes on with what an action captured: the message just sent, the channel just opened.
    #[must_use]
    pub fn with(&self, values: Values) -> Self {
        let mut other = self.clone();
        other.values.extend(values);
        other
    }

    /// The entries of a list that the account may read.
    ///
    /// # Errors
    /// When the subject cannot, or fails.
    pub async fn list(&self, action: &str) -> Outcome<Vec<Value>> {
        let values = self.act(action, Value::Null).await?;
        let items = values.get("items").and_then(Value::as_array).cloned();
        Ok(items.with_context(|| format!("{action} captured no items"))?)
    }

    /// Waits until an entry of a list contains all of `parts`; gives it.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn finds(&self, action: &str, parts: &[&str]) -> Outcome<Value> {
        let found = settle(async || {
            let items = self.list(action).await?;
            Ok(items.into_iter().find(|item| contains(item, parts)))
        });
        match found.await? {
            Some(item) => Ok(item),
            None => fail!("{action} shows nothing with {}", quoted(parts)),
        }
    }

    /// Waits until no entry of a list contains all of `parts`.
    ///
    /// # Errors
    /// When one still does at the end.
    pub async fn loses(&self, action: &str, parts: &[&str]) -> Outcome {
        let lost = settle(async || {
            let items = self.list(action).await?;
            Ok((!items.iter().any(|item| contains(item, parts))).then_some(()))
        });
        match lost.await? {
            Some(()) => Ok(()),
            None => fail!("{action} still shows {}", quoted(parts)),
        }
    }

    /// Fails when an entry of a list contains all of `parts` now.
    ///
    /// # Errors
    /// When one does.
    pub async fn lacks(&self, action: &str, parts: &[&str]) -> Outcome {
        if self
            .list(action)
            .await?
            .iter()
            .any(|item| contains(item, parts))
        {
            fail!("{action} shows {}", quoted(parts));
        }
        Ok(())
    }
}
