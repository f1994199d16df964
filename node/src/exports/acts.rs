//! What the audit log tells of a member, without what it tells of others; no IO.

use crate::base::ids::UserId;
use crate::platform::audit::Recorded;

/// An act of the member; what it changed of others, or of the node, is not theirs to take along.
pub(super) fn done_by(member: UserId, mut act: Recorded) -> Recorded {
    if !is_on(member, &act) {
        act.before = None;
        act.after = None;
    }
    // The address of somebody is its id.
    if act.target_kind.as_deref() == Some("network") {
        act.target_id = None;
    }
    act
}

/// An act of somebody else on the account of the member, without who it was, from where and why;
/// `None` when it is another.
pub(super) fn done_to(member: UserId, act: Recorded) -> Option<Recorded> {
    let is_by_others = act.actor_id != Some(member);
    (is_by_others && is_on(member, &act)).then_some(Recorded {
        actor_id: None,
        before: None,
        after: None,
        request_id: None,
        address: None,
        ..act
    })
}

fn is_on(member: UserId, act: &Recorded) -> bool {
    let is_person = act.target_kind.as_deref() == Some("user");
    is_person && act.target_id == Some(member.to_string())
}

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::base::ids::{AuditId, RequestId};

    const START: Timestamp = Timestamp::from_millis(1_795_190_734_032);

    fn act(by: UserId, kind: &str, id: &str) -> Recorded {
        Recorded {
            id: AuditId::new(START),
            actor_kind: "user".to_owned(),
            actor_id: Some(by),
            action: "thing.update".to_owned(),
            target_kind: Some(kind.to_owned()),
            target_id: Some(id.to_owned()),
            before: Some(json!({"bio": "old"})),
            after: Some(json!({"bio": "new"})),
            request_id: Some(RequestId::new(START)),
            address: Some("192.0.2.1".to_owned()),
            at: START,
        }
    }

    #[test]
    fn what_a_member_changed_of_others_stays_behind() {
        let (alice, bob) = (UserId::new(START), UserId::new(START));
        let own = act(alice, "user", &alice.to_string());
        assert_eq!(done_by(alice, own.clone()), own);
        let other = done_by(alice, act(alice, "user", &bob.to_string()));
        assert_eq!((other.before, other.after), (None, None));
        assert_eq!(other.target_id, Some(bob.to_string()));
        let block = done_by(alice, act(alice, "network", "198.51.100.7/32"));
        assert_eq!((block.before, block.after), (None, None));
        assert_eq!(block.target_id, None);
        assert_eq!(block.action, "thing.update");
    }

    #[test]
    fn what_others_did_to_a_member_comes_without_them() {
        let (alice, bob) = (UserId::new(START), UserId::new(START));
        let done = done_to(alice, act(bob, "user", &alice.to_string())).unwrap();
        assert_eq!(done.action, "thing.update");
        assert_eq!((done.actor_id, done.request_id), (None, None));
        assert_eq!((done.before, done.after), (None, None));
        assert_eq!(done.address, None);
        for (by, kind, on) in [
            (alice, "user", alice),
            (bob, "user", bob),
            (bob, "role", alice),
        ] {
            let none = done_to(alice, act(by, kind, &on.to_string()));
            assert_eq!(none, None);
        }
    }
}
