//! What a forwarded message is; no IO.

use diesel::prelude::*;

use crate::base::ids::MessageId;
use crate::platform::db::schema::message_forwards;

/// What a message said when it was passed on.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_forwards)]
pub struct Forward {
    /// The message that carries it.
    pub message_id: MessageId,
    /// The id of the object that was passed on.
    pub uri: String,
    /// The handle of who wrote it.
    pub author: String,
    /// Markdown.
    pub content: String,
    /// Sanitised HTML.
    pub html: String,
    /// When it was written, in milliseconds since the Unix epoch.
    pub created_at: i64,
}

impl Forward {
    /// Some HTML with what was passed on below it, for those who know of no such thing.
    pub(in crate::messages) fn html_below(&self, html: &str) -> String {
        format!(
            "{html}<blockquote><p><a href=\"{}\">{}</a></p>{}</blockquote>",
            escape(&self.uri),
            escape(&self.author),
            self.html
        )
    }

    /// The same as Markdown.
    pub(in crate::messages) fn content_below(&self, content: &str) -> String {
        let mut text = content.to_owned();
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.extend(["> [", &self.author, "](", &self.uri, ")\n>"]);
        for line in self.content.lines() {
            text.push_str("\n> ");
            text.push_str(line);
        }
        text
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;

    use super::*;

    #[test]
    fn others_get_a_quotation() {
        let forward = Forward {
            message_id: MessageId::new(Timestamp::from_millis(0)),
            uri: "https://a.example/messages/1?x=\"".to_owned(),
            author: "@ann@a.example".to_owned(),
            content: "one\ntwo".to_owned(),
            html: "<p>one<br>\ntwo</p>".to_owned(),
            created_at: 0,
        };
        assert_eq!(
            forward.html_below("<p>look</p>"),
            "<p>look</p><blockquote><p><a href=\"https://a.example/messages/1?x=&quot;\">\
             @ann@a.example</a></p><p>one<br>\ntwo</p></blockquote>"
        );
        assert_eq!(
            forward.content_below("look"),
            "look\n\n> [@ann@a.example](https://a.example/messages/1?x=\")\n>\n> one\n> two"
        );
    }
}
