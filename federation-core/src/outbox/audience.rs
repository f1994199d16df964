//! From the actors an activity addresses to the inboxes it is posted to.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::delivery::Target;
use crate::vocab::Actor;

/// Chooses the inboxes that reach all of `recipients`, each once (ActivityPub s7.1.3).
///
/// A shared inbox is used when the activity is public or when it reaches several of the recipients
/// behind it; a private activity to one of them goes to the personal inbox. Inboxes that are not
/// of the recipient's own origin count only as personal ones: a shared inbox elsewhere could make
/// this server post to strangers. The order of first mention is kept.
pub fn plan_targets<'a>(
    recipients: impl IntoIterator<Item = &'a Actor>,
    is_public: bool,
) -> Vec<Target> {
    let mut actors: Vec<&Actor> = Vec::new();
    let mut seen: HashSet<&Url> = HashSet::new();
    let mut sharing: HashMap<&Url, usize> = HashMap::new();
    for actor in recipients {
        if !seen.insert(&actor.id) {
            continue;
        }
        if let Some(shared) = usable_shared_inbox(actor) {
            *sharing.entry(shared).or_default() += 1;
        }
        actors.push(actor);
    }
    let mut targets: Vec<Target> = Vec::new();
    let mut places: HashMap<&Url, usize> = HashMap::new();
    for actor in actors {
        let inbox = usable_shared_inbox(actor)
            .filter(|shared| is_public || sharing.get(shared).is_some_and(|count| *count > 1))
            .unwrap_or(&actor.inbox);
        let place = *places.entry(inbox).or_insert_with(|| {
            targets.push(Target {
                inbox: inbox.clone(),
                recipients: Vec::new(),
            });
            targets.len() - 1
        });
        if let Some(target) = targets.get_mut(place) {
            target.recipients.push(actor.id.clone());
        }
    }
    targets
}

fn usable_shared_inbox(actor: &Actor) -> Option<&Url> {
    actor
        .shared_inbox
        .as_ref()
        .filter(|shared| shared.origin() == actor.id.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::ActorKind;

    fn actor(host: &str, name: &str, shared: Option<&str>) -> Actor {
        let url = |path: &str| Url::parse(&format!("https://{host}{path}")).unwrap();
        let mut actor = Actor::new(
            url(&format!("/users/{name}")),
            ActorKind::Person,
            url(&format!("/users/{name}/inbox")),
        );
        actor.shared_inbox = shared.map(|shared| Url::parse(shared).unwrap());
        actor
    }

    fn inboxes(targets: &[Target]) -> Vec<(&str, usize)> {
        targets
            .iter()
            .map(|target| (target.inbox.as_str(), target.recipients.len()))
            .collect()
    }

    #[test]
    fn a_private_activity_uses_the_shared_inbox_only_for_several() {
        let shared = Some("https://a.example/inbox");
        let alice = actor("a.example", "alice", shared);
        let bob = actor("a.example", "bob", shared);
        let other = actor("b.example", "alice", Some("https://b.example/inbox"));
        let targets = plan_targets([&alice, &other, &bob, &alice], false);
        assert_eq!(
            inboxes(&targets),
            [
                ("https://a.example/inbox", 2),
                ("https://b.example/users/alice/inbox", 1)
            ]
        );
    }

    #[test]
    fn a_public_activity_uses_every_shared_inbox() {
        let alice = actor("a.example", "alice", Some("https://a.example/inbox"));
        let bob = actor("c.example", "bob", None);
        let targets = plan_targets([&alice, &bob], true);
        assert_eq!(
            inboxes(&targets),
            [
                ("https://a.example/inbox", 1),
                ("https://c.example/users/bob/inbox", 1)
            ]
        );
    }

    #[test]
    fn a_shared_inbox_elsewhere_is_not_used() {
        let bob = actor("a.example", "bob", Some("https://victim.example/inbox"));
        let targets = plan_targets([&bob], true);
        assert_eq!(
            inboxes(&targets),
            [("https://a.example/users/bob/inbox", 1)]
        );
    }
}
