//! A member of a server: the native HTTP API as a client sees it.

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use reqwest::StatusCode;
use serde_json::Value;
use serde_json::json;

use crate::socket::Socket;
use crate::subject::Subject;
use crate::wait;

const PASSWORD: &str = "correct horse battery staple 9";

/// A signed-in account.
#[derive(Clone, Debug)]
pub struct Member {
    /// `@name@host`.
    pub handle: String,
    /// The actor's id.
    pub actor: String,
    /// The access token.
    pub token: String,
    http: reqwest::Client,
    base: String,
}

impl Member {
    /// Opens an account.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn sign_up(subject: &Subject, name: &str) -> Result<Self> {
        let base = format!("http://{}", subject.direct());
        let body = json!({ "username": name, "password": PASSWORD });
        let request = subject
            .http()
            .post(format!("{base}/api/v1/auth/signup"))
            .json(&body);
        let answer = read(request.send().await?).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            handle: text(&answer["user"]["handle"]).context("no handle")?,
            actor: text(&answer["user"]["actor"]).context("no actor")?,
            token: text(&answer["access_token"]).context("no token")?,
            http: subject.http().clone(),
            base,
        })
    }

    /// Opens the conversation with these people; gives the channel's id.
    ///
    /// # Errors
    /// When the server refuses, or cannot find somebody.
    pub async fn dm(&self, recipients: &[&str]) -> Result<String> {
        let body = json!({ "recipients": recipients });
        let channel = self.call(Method::POST, "/api/v1/dms", Some(&body)).await?;
        channel["id"]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("no id: {channel}"))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn send(&self, channel: &str, content: &str) -> Result<Value> {
        let path = format!("/api/v1/channels/{channel}/messages");
        self.call(Method::POST, &path, Some(&json!({ "content": content })))
            .await
    }

    /// Sends a message as a client does that may have to try again: `None` when the server was
    /// not there to answer, or not able to.
    ///
    /// # Errors
    /// When the server refuses for another reason.
    pub async fn try_send(&self, channel: &str, content: &str, key: &str) -> Result<Option<Value>> {
        let path = format!("{}/api/v1/channels/{channel}/messages", self.base);
        let request = self
            .http
            .post(path)
            .bearer_auth(&self.token)
            .header("idempotency-key", key);
        let Ok(response) = request.json(&json!({ "content": content })).send().await else {
            return Ok(None);
        };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            return Ok(None);
        }
        let status = response.status();
        // The connection may break between the head and the body; the message is taken then.
        match response.text().await {
            Ok(text) if status.is_success() => Ok(Some(serde_json::from_str(&text)?)),
            Ok(text) => bail!("{status}: {text}"),
            Err(_) if status.is_success() => Ok(Some(Value::Null)),
            Err(_) => Ok(None),
        }
    }

    /// Changes a message.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn edit(&self, channel: &str, message: &str, content: &str) -> Result<Value> {
        let path = format!("/api/v1/channels/{channel}/messages/{message}");
        self.call(Method::PATCH, &path, Some(&json!({ "content": content })))
            .await
    }

    /// Deletes a message.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn delete(&self, channel: &str, message: &str) -> Result<()> {
        let path = format!("/api/v1/channels/{channel}/messages/{message}");
        self.call(Method::DELETE, &path, None).await.map(drop)
    }

    /// Puts an emoji on a message.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn react(&self, channel: &str, message: &str, emoji: &str) -> Result<()> {
        let path = reaction(channel, message, emoji);
        self.call(Method::PUT, &path, None).await.map(drop)
    }

    /// Takes an emoji off a message again.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn take_off(&self, channel: &str, message: &str, emoji: &str) -> Result<()> {
        let path = reaction(channel, message, emoji);
        self.call(Method::DELETE, &path, None).await.map(drop)
    }

    /// The first community that the member is in, and its first channel; gives their ids.
    ///
    /// # Errors
    /// When there is none.
    pub async fn square(&self) -> Result<(String, String)> {
        let first = |page: Value| -> Result<String> {
            let id = page["items"][0]["id"].as_str().map(str::to_owned);
            id.with_context(|| format!("nothing is there: {page}"))
        };
        let community = first(self.get("/api/v1/communities").await?)?;
        let path = format!("/api/v1/communities/{community}/channels");
        let channel = first(self.get(&path).await?)?;
        Ok((community, channel))
    }

    /// Joins a channel of another server by its handle or id, and waits until that has agreed; gives
    /// the id of the channel that stands for it here.
    ///
    /// # Errors
    /// When this server or the other one refuses.
    pub async fn join_channel(&self, group: &str) -> Result<String> {
        let path = "/api/v1/federation/channels/join";
        let asked = self
            .call(Method::POST, path, Some(&json!({ "handle": group })))
            .await?;
        wait::until("a channel of another server", || async {
            let joined = self.joined(&asked["group"]).await?;
            let is_in = joined["state"] == "joined";
            Ok(joined["channel_id"]
                .as_str()
                .filter(|_| is_in)
                .map(str::to_owned))
        })
        .await
    }

    /// How a member stands in a channel of another server, by the id of the Group.
    ///
    /// # Errors
    /// When the member never asked to be in it.
    pub async fn joined(&self, group: &Value) -> Result<Value> {
        let all = items(&self.get("/api/v1/federation/channels").await?)?;
        let found = all.into_iter().find(|one| one["group"] == *group);
        found.with_context(|| format!("{group} was never asked for"))
    }

    /// Bans somebody from a community, by the id that they have on this server.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn ban(&self, community: &str, user: &str) -> Result<()> {
        let path = format!("/api/v1/communities/{community}/bans/{user}");
        let why = json!({ "reason": "noise" });
        self.call(Method::PUT, &path, Some(&why)).await.map(drop)
    }

    /// The conversations.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn conversations(&self) -> Result<Vec<Value>> {
        items(&self.get("/api/v1/dms").await?)
    }

    /// All messages of a conversation, oldest first, read page by page from the newest.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn messages(&self, channel: &str) -> Result<Vec<Value>> {
        let first = format!("/api/v1/channels/{channel}/messages?limit=100");
        let mut page = self.get(&first).await?;
        let mut all = items(&page)?;
        while let Some(cursor) = page["next"].as_str().map(str::to_owned) {
            page = self.get(&format!("{first}&before={cursor}")).await?;
            all.extend(items(&page)?);
        }
        all.reverse();
        Ok(all)
    }

    /// Follows somebody by handle or actor id.
    ///
    /// # Errors
    /// When the server refuses or cannot find them.
    pub async fn follow(&self, target: &str) -> Result<Value> {
        let body = json!({ "handle": target });
        self.call(Method::POST, "/api/v1/federation/follow", Some(&body))
            .await
    }

    /// Finds an actor by handle.
    ///
    /// # Errors
    /// When the server refuses or cannot find it.
    pub async fn resolve(&self, handle: &str) -> Result<Value> {
        let request = self
            .http
            .get(format!("{}/api/v1/federation/resolve", self.base));
        read(
            request
                .bearer_auth(&self.token)
                .query(&[("handle", handle)])
                .send()
                .await?,
        )
        .await
    }

    /// Lets every account ask for as much as the server can be told to allow.
    ///
    /// # Errors
    /// When the server refuses, as it does unless the member is an administrator.
    pub async fn raise_limits(&self) -> Result<()> {
        let path = "/api/v1/admin/rate-limits";
        let mut limits = self.get(path).await?;
        for class in ["read", "write", "auth", "upload"] {
            limits[class] = json!(10_000_000);
        }
        self.call(Method::PUT, path, Some(&limits)).await?;
        Ok(())
    }

    /// Opens the event socket.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn socket(&self, resume: Option<i64>) -> Result<Socket> {
        let address = format!("{}/ws", self.base.replacen("http", "ws", 1));
        Socket::open(&address, &self.token, resume).await
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base));
        let mut request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await?)
            .await
            .with_context(|| format!("{method} {path}"))
    }
}

fn reaction(channel: &str, message: &str, emoji: &str) -> String {
    let emoji = utf8_percent_encode(emoji, NON_ALPHANUMERIC);
    format!("/api/v1/channels/{channel}/messages/{message}/reactions/{emoji}")
}

async fn read(response: reqwest::Response) -> Result<Value> {
    let (status, text) = (response.status(), response.text().await?);
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
}

fn items(page: &Value) -> Result<Vec<Value>> {
    page["items"]
        .as_array()
        .cloned()
        .with_context(|| format!("no list: {page}"))
}
