//! Notes: whether one is for the bot, what is answered, and who may read the answer.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::federation::Federation;
use federation_core::inbox::InboundRequest;
use federation_core::store::sql::{Connection, Database, DatabaseError};
use federation_core::vocab::{Actor, Object, Tag};
use url::Url;

use crate::answers;

/// Characters of a note that are said back.
const MAX_SAID: usize = 500;

/// Whether a note mentions the bot or is addressed to it directly.
pub(crate) fn is_for(note: &Object, me: &Url) -> bool {
    let is_mention = |tag: &Tag| tag.is_mention() && tag.href.as_ref() == Some(me);
    note.to.contains(me) || note.tag.iter().any(is_mention)
}

/// The answer, for the author alone.
pub(crate) fn answer(id: Url, me: Url, author: &Actor, heard: &Object, now: Timestamp) -> Object {
    let said = plain(heard.content.as_deref().unwrap_or_default());
    let mut answer = Object::note(id, me, format!("<p>{}</p>", escaped(&said)));
    answer.in_reply_to.clone_from(&heard.id);
    answer.context.clone_from(&heard.context);
    answer.published = Some(now);
    answer.to.push(author.id.clone());
    let name = author.preferred_username.as_deref().unwrap_or_default();
    let host = author.id.host_str().unwrap_or_default();
    let mention = Tag::mention(author.id.clone(), format!("@{name}@{host}"));
    answer.tag.push(mention);
    answer
}

/// The text of HTML without its tags, cut to what is said back.
fn plain(html: &str) -> String {
    let mut in_tag = false;
    let text = html.chars().filter(|character| {
        let was_in_tag = in_tag;
        in_tag = *character == '<' || (in_tag && *character != '>');
        !was_in_tag && !in_tag
    });
    text.take(MAX_SAID).collect()
}

/// Text as HTML. Entities that the text came with stay what they are.
fn escaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// The stored answer with this name, for whoever it is addressed to.
pub(crate) async fn show(
    federation: &Federation<Database>,
    name: &str,
    request: &Parts,
) -> impl IntoResponse + use<> {
    match find(federation, name, request).await {
        Ok(Some(document)) => Ok(([(CONTENT_TYPE, "application/activity+json")], document)),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_failed) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn find(
    federation: &Federation<Database>,
    name: &str,
    request: &Parts,
) -> Result<Option<String>, DatabaseError> {
    let origin = &federation.inbox().config().origin;
    let Ok(id) = origin.join(&format!("/notes/{name}")) else {
        return Ok(None);
    };
    let target = request.uri.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let (method, headers) = (request.method.clone(), request.headers.clone());
    let Ok(signed) = InboundRequest::new(method, origin, target, headers, Bytes::new()) else {
        return Ok(None);
    };
    let Ok((reader, _signature)) = federation.inbox().identify(&signed).await else {
        return Ok(None);
    };
    let query = move |rows: &mut Connection| {
        let stored = answers::table.find(id.as_str()).select(answers::document);
        Ok::<_, DatabaseError>(stored.first::<String>(rows).optional()?)
    };
    let stored = federation.store().read(query).await?;
    Ok(stored.filter(|document| {
        let note = Object::parse(document.as_bytes());
        note.is_ok_and(|note| note.to.contains(&reader.id))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_back_the_text_alone() {
        assert_eq!(
            plain("<p>Hi <b onclick='x'>there</b> a > b</p>"),
            "Hi there a > b"
        );
        assert_eq!(escaped("a > b"), "a &gt; b");
        assert_eq!(plain(&"x".repeat(9999)).len(), MAX_SAID);
    }
}
