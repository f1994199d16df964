//! Groups, which pass on what their members do (FEP-1b12).

use url::Url;

use super::error::OwnershipError;
use crate::inbox::{Passage, Verified};
use crate::vocab::ObjectOrId;

/// That an activity which came inside an `Announce` happened in the group `group`.
///
/// `announced` is what [`Inbox::announced`](crate::inbox::Inbox::announced) gave.
///
/// # Errors
/// [`OwnershipError::OtherGroup`] unless the group itself announced it and it is addressed to the
/// group (attack 36): `audience` alone is a claim that anybody can make, and so is an `Announce`.
pub fn in_group(announced: &Verified, group: &Url) -> Result<(), OwnershipError> {
    let announced_by_it = matches!(
        announced.passage(),
        Passage::Announced(by) if by.id == *group
    );
    let activity = announced.activity();
    let mut objects = activity.object.iter().filter_map(ObjectOrId::as_object);
    let addressed = activity.recipients().contains(&group)
        || objects.any(|object| {
            let lists = [&object.audience, &object.to, &object.cc];
            lists.into_iter().flatten().any(|reader| reader == group)
        });
    if announced_by_it && addressed {
        Ok(())
    } else {
        Err(OwnershipError::OtherGroup)
    }
}
