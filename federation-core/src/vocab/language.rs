//! Texts in several languages (`ActivityStreams` s4.7): `nameMap`, `contentMap`, `summaryMap`.

use serde_json::{Map, Value};

use super::object::Object;

/// Languages of one text that are looked at.
const MAX_LANGUAGES: usize = 100;

impl Object {
    /// The text in the first of `languages` (BCP 47 tags, best first) that it has, else the plain
    /// [`content`](Object::content), else whichever language comes first. HTML, not sanitised.
    ///
    /// ```
    /// use federation_core::vocab::Object;
    /// use serde_json::json;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let note = Object::from_value(json!({
    ///     "type": "Note", "contentMap": {"en": "Hello", "pt-BR": "Oi"},
    /// }))?;
    /// assert_eq!(note.content_in(&["de", "pt"]), Some("Oi"));
    /// assert_eq!(note.content_in(&["eo"]), Some("Hello"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn content_in(&self, languages: &[&str]) -> Option<&str> {
        self.in_language("contentMap", self.content.as_deref(), languages)
    }

    /// The title, chosen as [`Object::content_in`] chooses.
    pub fn name_in(&self, languages: &[&str]) -> Option<&str> {
        self.in_language("nameMap", self.name.as_deref(), languages)
    }

    /// The summary, chosen as [`Object::content_in`] chooses.
    pub fn summary_in(&self, languages: &[&str]) -> Option<&str> {
        self.in_language("summaryMap", self.summary.as_deref(), languages)
    }

    fn in_language<'a>(
        &'a self,
        property: &str,
        plain: Option<&'a str>,
        languages: &[&str],
    ) -> Option<&'a str> {
        let Some(Value::Object(map)) = self.extra.get(property) else {
            return plain;
        };
        let mut wanted = languages.iter();
        wanted
            .find_map(|language| text_in(map, language))
            .or(plain)
            .or_else(|| texts(map).next().map(|(_, text)| text))
    }
}

/// The text of exactly this language, or of one that shares its primary subtag.
fn text_in<'a>(map: &'a Map<String, Value>, language: &str) -> Option<&'a str> {
    let exact = texts(map).find(|(tag, _)| tag.eq_ignore_ascii_case(language));
    let related =
        || texts(map).find(|(tag, _)| primary(tag).eq_ignore_ascii_case(primary(language)));
    exact.or_else(related).map(|(_, text)| text)
}

fn texts(map: &Map<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    let entries = map.iter().take(MAX_LANGUAGES);
    entries.filter_map(|(tag, text)| Some((tag.as_str(), text.as_str()?)))
}

fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}
