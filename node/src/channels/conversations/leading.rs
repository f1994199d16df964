//! Who may take others out of a group; no IO.

use url::Url;

use super::store::Participant;
use crate::base::ids::UserId;
use crate::channels::model::Channel;

/// Whether somebody may take others out: the one who made the group, and when that one has left, the
/// one who has been in it longest.
///
/// Who made a group that began on another node may not be known here: then that node, from which the
/// id of the group is, answers for its own people.
pub(super) fn leads(
    group: &Channel,
    context: &str,
    participants: &[Participant],
    who: UserId,
) -> bool {
    let here = || {
        participants
            .iter()
            .filter(|one| one.user.deleted_at.is_none())
    };
    match group.created_by {
        Some(maker) if here().any(|one| one.user.id == maker) => return maker == who,
        Some(_) => {}
        None => {
            let home = || here().filter(|one| is_of_one_node(context, &one.user.actor_uri));
            if home().next().is_some() {
                return home().any(|one| one.user.id == who);
            }
        }
    }
    here().next().is_some_and(|oldest| oldest.user.id == who)
}

/// Whether two ids are of one node.
pub fn is_of_one_node(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin().is_tuple() && one.origin() == other.origin(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_of_one_node;

    #[test]
    fn ids_of_one_node_share_their_origin() {
        let context = "https://a.example/conversations/1";
        assert!(is_of_one_node(context, "https://a.example/users/alice"));
        assert!(!is_of_one_node(context, "http://a.example/users/alice"));
        assert!(!is_of_one_node(context, "https://b.example/users/alice"));
        let tag = "tag:a.example,2026:conversation=1";
        assert!(!is_of_one_node(tag, tag));
    }
}
