//! The one function that says what somebody may do.

use super::{Permission, Permissions};

/// How somebody stands in a community.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether they are in the community.
    pub is_member: bool,
    /// Whether the community is theirs.
    pub is_owner: bool,
    /// What everyone in the community holds.
    pub everyone: Permissions,
    /// What their roles hold, together.
    pub roles: Permissions,
    /// What they hold everywhere, as one of those who run the node.
    pub staff: Permissions,
    /// Whether they are silenced at this moment.
    pub is_timed_out: bool,
}

/// What somebody asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// The community as a whole.
    Community,
    /// A direct conversation, and whether they take part in it.
    Conversation(bool),
    /// A channel of the community.
    Channel(&'a Layered),
}

/// A channel with what it says of permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layered {
    /// What sort of channel.
    pub form: Form,
    /// Whether nothing is to be added to it any more.
    pub is_archived: bool,
    /// What its category says, then what it says itself (a thread: what its channel says).
    pub layers: Vec<Layer>,
}

/// What sort of channel, as far as permissions go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// People write in it.
    #[default]
    Open,
    /// Few write in it.
    Announcement,
    /// A thread of another channel.
    Thread,
    /// Holds channels and no messages.
    Category,
}

/// What one category or channel says of permissions, as far as it concerns one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Whether only those see it who are named in it, by a role or themselves.
    pub is_private: bool,
    /// For everyone.
    pub everyone: Changes,
    /// For their roles, together.
    pub roles: Changes,
    /// For them alone.
    pub member: Changes,
}

/// What is denied and allowed; what is neither is inherited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What is allowed.
    pub allow: Permissions,
    /// What is denied.
    pub deny: Permissions,
}

impl Changes {
    /// Both, of two roles of one person.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self {
            allow: self.allow.union(other.allow),
            deny: self.deny.union(other.deny),
        }
    }

    /// First takes away, then gives.
    const fn apply(self, to: Permissions) -> Permissions {
        to.without(self.deny).union(self.allow)
    }
}

/// What somebody may do at a place.
///
/// In this order:
/// 1. A direct conversation is for those in it, and nobody else, whatever they are elsewhere.
/// 2. Owners and administrators hold everything.
/// 3. Members hold what everyone and their roles hold; others nothing.
/// 4. The category, then the channel: what it denies and allows everyone; when it is private, nobody
///    sees it; then what it denies and allows their roles (all denials before all allowances); then
///    what it denies and allows them.
/// 5. What those who run the node hold is added, whatever channels say.
/// 6. Who is silenced sees and reads, and nothing more. Owners and administrators cannot be silenced.
/// 7. Who does not see a channel may do nothing there.
/// 8. The form of the channel: threads and announcements have a permission of their own for writing,
///    in a category nobody writes.
/// 9. Nothing is added to what is archived, by nobody.
/// 10. What is part of writing or of voice falls with it.
pub fn resolve(standing: &Standing, place: Place<'_>) -> Permissions {
    if let Place::Conversation(takes_part) = place {
        return if takes_part {
            Permissions::IN_CONVERSATION
        } else {
            Permissions::NONE
        };
    }
    let base = if standing.is_member {
        standing.everyone.union(standing.roles)
    } else {
        Permissions::NONE
    };
    let everywhere = base.union(standing.staff);
    if standing.is_owner || everywhere.contains(Permission::Administrator) {
        return match place {
            Place::Channel(channel) => fit(Permissions::ALL, channel),
            _ => Permissions::ALL,
        };
    }
    let mut held = base;
    if let Place::Channel(channel) = place {
        for layer in channel.layers.iter().filter(|_| standing.is_member) {
            held = in_layer(held, layer);
        }
    }
    held = held.union(standing.staff);
    if standing.is_timed_out {
        held = held.within(Permissions::TIMED_OUT);
    }
    match place {
        Place::Channel(channel) => fit(held, channel),
        _ => held,
    }
}

fn in_layer(held: Permissions, layer: &Layer) -> Permissions {
    let within = |changes: Changes| Changes {
        allow: changes.allow.within(Permissions::OF_CHANNELS),
        deny: changes.deny.within(Permissions::OF_CHANNELS),
    };
    let mut held = within(layer.everyone).apply(held);
    if layer.is_private {
        held = held.without(Permissions::only(Permission::ViewChannel));
    }
    held = within(layer.roles).apply(held);
    within(layer.member).apply(held)
}

/// What of it counts in a channel of this sort and state.
fn fit(held: Permissions, channel: &Layered) -> Permissions {
    if !held.contains(Permission::ViewChannel) {
        return Permissions::NONE;
    }
    let mut held = held;
    let send = Permissions::only(Permission::SendMessages);
    let writes = match channel.form {
        Form::Open => held.contains(Permission::SendMessages),
        Form::Announcement => {
            held.contains(Permission::SendMessages)
                && held.contains(Permission::PublishAnnouncements)
        }
        Form::Thread => held.contains(Permission::SendInThreads),
        Form::Category => false,
    };
    held = if writes {
        held.union(send)
    } else {
        held.without(send)
    };
    if channel.is_archived {
        held = held.without(Permissions::ADDING);
    }
    if !held.contains(Permission::SendMessages) {
        held = held.without(Permissions::OF_WRITING);
    }
    if !held.contains(Permission::Connect) {
        held = held.without(Permissions::OF_VOICE);
    }
    held
}
