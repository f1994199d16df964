//! A community for tests, with an owner who does not run the node.

use serde_json::{Value, json};

use crate::chat::world::{Answer, Member, World};

/// A community, as its tests speak of it.
pub(crate) struct Village {
    pub(crate) id: String,
    /// Its first channel.
    pub(crate) square: String,
}

impl Village {
    /// Makes a private community that `owner` holds, with one text channel. `operator` owns the
    /// node.
    pub(crate) async fn found(operator: &Member<'_>, owner: &Member<'_>, slug: &str) -> Self {
        let body = json!({"slug": slug, "name": "The village"});
        let made = operator
            .post("/api/v1/communities", &body)
            .await
            .expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let village = Self {
            id,
            square: String::new(),
        };
        village.let_in(operator, owner).await;
        let path = village.path("");
        let body = json!({"owner_id": owner.id});
        operator.patch(&path, &body).await.expect(200);
        let gone = operator.delete(&village.path("/members/@me")).await;
        gone.expect(204);
        let square = village.channel(owner, &json!({"name": "square"})).await;
        Self { square, ..village }
    }

    /// An address below that of the community.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/communities/{}{rest}", self.id)
    }

    /// Lets somebody in by an invitation.
    pub(crate) async fn let_in(&self, by: &Member<'_>, who: &Member<'_>) {
        let code = self.invite(by, &json!({})).await;
        let body = json!({"invite": code});
        who.post("/api/v1/communities/join", &body)
            .await
            .expect(200);
    }

    /// The code of a new invitation.
    pub(crate) async fn invite(&self, by: &Member<'_>, terms: &Value) -> String {
        let made = by.post(&self.path("/invites"), terms).await.expect(201);
        made["code"].as_str().unwrap().to_owned()
    }

    /// A new channel.
    pub(crate) async fn channel(&self, by: &Member<'_>, new: &Value) -> String {
        let made = by.post(&self.path("/channels"), new).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// A new role; it stands below those that are there.
    pub(crate) async fn role(&self, by: &Member<'_>, name: &str, held: &[&str]) -> String {
        let body = json!({"name": name, "permissions": held});
        let made = by.post(&self.path("/roles"), &body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// Gives a role.
    pub(crate) async fn give(&self, by: &Member<'_>, role: &str, to: &Member<'_>) {
        let path = self.path(&format!("/members/{}/roles/{role}", to.id));
        by.put(&path, &json!({})).await.expect(200);
    }

    /// The role that everyone has.
    pub(crate) async fn everyone(&self, by: &Member<'_>) -> String {
        let roles = by.get(&self.path("/roles")).await.expect(200);
        let roles = roles["items"].as_array().unwrap();
        let everyone = roles.iter().find(|role| role["is_everyone"] == true);
        everyone.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The names of the channels that somebody sees.
    pub(crate) async fn seen(&self, by: &Member<'_>) -> Vec<String> {
        let found = by.get(&self.path("/channels")).await.expect(200);
        let items = found["items"].as_array().unwrap();
        let name = |channel: &Value| channel["name"].as_str().unwrap().to_owned();
        items.iter().map(name).collect()
    }
}

/// What somebody may do in a channel.
pub(crate) async fn permissions(by: &Member<'_>, channel: &str) -> Vec<String> {
    let path = format!("/api/v1/channels/{channel}/permissions");
    let held = by.get(&path).await.expect(200);
    serde_json::from_value(held).unwrap()
}

/// Tries to write in a channel.
pub(crate) async fn write(by: &Member<'_>, channel: &str) -> Answer {
    let path = format!("/api/v1/channels/{channel}/messages");
    by.post(&path, &json!({"content": "hear, hear"})).await
}

/// A server with its operator and some members.
pub(crate) async fn people<'a>(world: &'a World, names: &[&str]) -> (Member<'a>, Vec<Member<'a>>) {
    let operator = world.member("operator").await;
    let mut members = Vec::new();
    for name in names {
        members.push(world.member(name).await);
    }
    (operator, members)
}
