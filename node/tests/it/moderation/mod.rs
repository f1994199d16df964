//! Moderation: reports, rules of what may be written, many messages at once and later, other domains.

mod courts;
mod domains;
mod floods;
mod messages;
mod reports;
mod rules;

use serde_json::json;

use crate::chat::world::Member;

/// Makes a member a moderator of the node.
async fn appoint(operator: &Member<'_>, member: &Member<'_>) {
    let path = format!("/api/v1/admin/users/{}/roles", member.id);
    let body = json!({"role": "moderator", "custom": []});
    operator.put(&path, &body).await.expect(200);
}
