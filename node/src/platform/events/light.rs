//! The light form of events, for small clients: ids and content, and nothing that can be asked for.

use serde_json::{Map, Value};

use super::model::StoredEvent;

/// What is left of a message.
const KEPT: [&str; 6] = [
    "id",
    "channel_id",
    "content",
    "created_at",
    "edited_at",
    "reply_to",
];

impl StoredEvent {
    /// The frame that a light socket gets; empty when it is told nothing of this.
    pub fn light_frame(&self) -> String {
        match self.op.as_str() {
            "delivery.updated" | "message.previews" => String::new(),
            "message.created" | "message.updated" => {
                let data = light_message(&self.data);
                format!(
                    "{{\"op\":\"{}\",\"seq\":{},\"d\":{data}}}",
                    self.op, self.seq
                )
            }
            _ => self.frame(),
        }
    }
}

/// The light form of a message, from its JSON text.
pub fn light_message(text: &str) -> String {
    let Ok(Value::Object(message)) = serde_json::from_str(text) else {
        // Rows of this program are objects; what is none tells a light client nothing.
        return "{}".to_owned();
    };
    let mut light = Map::new();
    for (key, value) in message {
        if KEPT.contains(&key.as_str()) {
            light.insert(key, value);
        } else if key == "author"
            && let Some(id) = value.get("id")
        {
            light.insert("author_id".to_owned(), id.clone());
        }
    }
    Value::Object(light).to_string()
}
