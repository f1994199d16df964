//! Which media types may hold an `ActivityStreams` document (`ActivityPub` s3.2).

/// The `Accept` header for `ActivityStreams` documents.
pub const ACCEPT_ACTIVITY: &str = "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\", application/activity+json";

const PROFILE: &str = "https://www.w3.org/ns/activitystreams";

/// Whether a `Content-Type` says `ActivityStreams`: `application/activity+json`, or
/// `application/ld+json` whose `profile` names `ActivityStreams`.
///
/// # Security
/// Plain `application/json`, `text/*` and the like are what servers give to uploaded files: one
/// of these accepted, and every upload is an actor.
pub fn is_activity_media_type(content_type: &str) -> bool {
    let mut parts = split_unquoted(content_type).into_iter();
    let essence = parts.next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/activity+json") {
        return true;
    }
    essence.eq_ignore_ascii_case("application/ld+json")
        && parts.any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            let value = value.trim();
            let value = value
                .strip_prefix('"')
                .and_then(|inner| inner.strip_suffix('"'))
                .unwrap_or(value);
            name.trim().eq_ignore_ascii_case("profile")
                && value
                    .split_ascii_whitespace()
                    .any(|profile| profile == PROFILE)
        })
}

/// Splits at semicolons outside of quotes.
fn split_unquoted(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let at_semicolon = |character: char| {
        if character == '"' {
            quoted = !quoted;
        }
        character == ';' && !quoted
    };
    text.split(at_semicolon).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_22_accepts_exactly_the_two_media_types() {
        for accepted in [
            "application/activity+json",
            "Application/Activity+JSON; charset=utf-8",
            "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"",
            "application/ld+json;profile=\"https://www.w3.org/ns/activitystreams\"",
            "application/ld+json; charset=utf-8; Profile=\"https://www.w3.org/ns/activitystreams\"",
            "application/ld+json; profile=\"https://w3id.org/x https://www.w3.org/ns/activitystreams\"",
            "application/ld+json; profile=https://www.w3.org/ns/activitystreams",
        ] {
            assert!(is_activity_media_type(accepted), "{accepted}");
        }
        for refused in [
            "",
            "application/json",
            "application/json; profile=\"https://www.w3.org/ns/activitystreams\"",
            "text/html; profile=application/activity+json",
            "text/plain",
            "application/ld+json",
            "application/ld+json; profile=\"https://example.org/\"",
            "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams#x\"",
            "application/ld+json; x=\"; profile=https://www.w3.org/ns/activitystreams\"",
            "application/activity+jsonx",
            "application/activity+json, text/html",
            "image/png",
        ] {
            assert!(!is_activity_media_type(refused), "{refused}");
        }
    }
}
