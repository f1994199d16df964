//! The control routes of a peer: what a test asks a released server of somebody else's to do.
//! `docs/interop.md` lists them.

use anyhow::Context as _;
use anyhow::anyhow;
use serde_json::Value;
use serde_json::json;

use crate::outcome::Outcome;
use crate::outcome::Stop;

/// Speaks to the control routes of one peer.
#[derive(Clone, Debug)]
pub struct Control {
    name: String,
    base: String,
    http: reqwest::Client,
}

/// What became of an activity that a peer was asked to send.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The id of the activity.
    pub activity: String,
    /// The id of its object, when it has one of its own.
    pub object: Option<String>,
    /// The status that each inbox answered; 0 without an answer.
    pub statuses: Vec<u16>,
}

impl Control {
    /// For the peer `name` whose control routes are below `base`.
    pub fn new(name: &str, base: &str, http: reqwest::Client) -> Self {
        Self {
            name: name.to_owned(),
            base: base.to_owned(),
            http,
        }
    }

    /// The peer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks for something.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when the peer says that it cannot do that, otherwise that it failed.
    pub async fn get(&self, route: &str) -> Outcome<Value> {
        let request = self.http.get(format!("{}/{route}", self.base));
        self.answer(route, request).await
    }

    /// Asks to do something.
    ///
    /// # Errors
    /// As [`Control::get`].
    pub async fn post(&self, route: &str, body: &Value) -> Outcome<Value> {
        let request = self.http.post(format!("{}/{route}", self.base)).json(body);
        self.answer(route, request).await
    }

    /// The activities that passed the peer's signature check, oldest first. A peer may leave out
    /// those that do not name the scenario `about`.
    ///
    /// # Errors
    /// When the peer fails.
    pub async fn received(&self, about: &str) -> Outcome<Vec<Value>> {
        let about = about.replace('-', "_");
        let answer = self.get(&format!("received?about={about}")).await?;
        Ok(answer["items"].as_array().cloned().unwrap_or_default())
    }

    /// Signs and delivers an activity.
    ///
    /// # Errors
    /// As [`Control::get`]; that an inbox refused it is no error.
    pub async fn send(&self, body: &Value) -> Outcome<Sent> {
        let answer = self.post("send", body).await?;
        let activity = answer["activity"]
            .as_str()
            .context("no id of the activity")?;
        let outcomes = answer["outcomes"].as_array().cloned().unwrap_or_default();
        let status = |outcome: &Value| outcome["status"].as_u64().unwrap_or_default();
        let statuses = outcomes
            .iter()
            .map(|one| u16::try_from(status(one)).unwrap_or_default());
        Ok(Sent {
            activity: activity.to_owned(),
            object: answer["object"].as_str().map(str::to_owned),
            statuses: statuses.collect(),
        })
    }

    /// Makes a further actor; gives its id and its handle.
    ///
    /// # Errors
    /// As [`Control::get`].
    pub async fn actor(&self, name: &str, kind: &str) -> Outcome<(String, String)> {
        let answer = self
            .post("actor", &json!({ "name": name, "type": kind }))
            .await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let actor = text(&answer["actor"]).context("no id of the new actor")?;
        let handle = text(&answer["handle"]).context("no handle of the new actor")?;
        Ok((actor, handle))
    }

    async fn answer(&self, route: &str, request: reqwest::RequestBuilder) -> Outcome<Value> {
        let answer = request
            .send()
            .await
            .with_context(|| format!("{}: {route}", self.name))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.context("the answer broke off")?;
        let document: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        match status {
            200..300 => Ok(document),
            501 => {
                let reason = document["unsupported"].as_str().unwrap_or("unsupported");
                Err(Stop::lacks(&self.name, reason))
            }
            404 => Err(Stop::lacks(
                &self.name,
                &format!("no control route {route}"),
            )),
            _ => {
                let text: String = text.chars().take(300).collect();
                Err(anyhow!("{} {route} answered {status}: {text}", self.name).into())
            }
        }
    }
}
