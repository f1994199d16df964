//! What holds of every combination of roles, overrides and standing.

use proptest::prelude::*;

use crate::base::permission::{
    Changes, Form, Layer, Layered, P, Permission, Permissions, Place, Standing, resolve,
};

fn any_set() -> impl Strategy<Value = Permissions> {
    any::<i64>().prop_map(|bits| Permissions(bits & Permissions::ALL.0))
}

/// As most sets are: without the permission that outdoes all others.
fn any_plain_set() -> impl Strategy<Value = Permissions> {
    any_set().prop_map(|held| held.without(Permissions::only(P::Administrator)))
}

fn any_changes() -> impl Strategy<Value = Changes> {
    (any_set(), any_set()).prop_map(|(allow, deny)| Changes { allow, deny })
}

fn any_layer() -> impl Strategy<Value = Layer> {
    (any::<bool>(), any_changes(), any_changes(), any_changes()).prop_map(
        |(is_private, everyone, roles, member)| Layer {
            is_private,
            everyone,
            roles,
            member,
        },
    )
}

fn any_channel() -> impl Strategy<Value = Layered> {
    let form = prop_oneof![
        Just(Form::Open),
        Just(Form::Thread),
        Just(Form::Announcement),
        Just(Form::Category)
    ];
    let layers = proptest::collection::vec(any_layer(), 0..3);
    (form, any::<bool>(), layers).prop_map(|(form, is_archived, layers)| Layered {
        form,
        is_archived,
        layers,
    })
}

fn any_standing() -> impl Strategy<Value = Standing> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let staff = prop_oneof![4 => Just(Permissions::NONE), 1 => any_set()];
    (flags, any_plain_set(), any_set(), staff).prop_map(|(flags, everyone, roles, staff)| {
        Standing {
            is_member: flags.0,
            is_owner: flags.1 && flags.2,
            everyone,
            roles,
            staff,
            is_timed_out: flags.2,
        }
    })
}

/// Somebody who is neither owner nor administrator.
fn any_ordinary_standing() -> impl Strategy<Value = Standing> {
    let staff = prop_oneof![4 => Just(Permissions::NONE), 1 => any_plain_set()];
    (any_standing(), any_plain_set(), staff).prop_map(|(who, roles, staff)| Standing {
        is_owner: false,
        roles,
        staff,
        ..who
    })
}

/// The same question asked the other way round: from the nearest word to the farthest.
fn by_nearest_word(who: &Standing, channel: &Layered, asked: Permission) -> bool {
    if who.staff.contains(asked) {
        return true;
    }
    if !who.is_member {
        return false;
    }
    if Permissions::OF_CHANNELS.contains(asked) {
        for layer in channel.layers.iter().rev() {
            let privately = layer.is_private && asked == P::ViewChannel;
            for (changes, counts) in [
                (layer.member, true),
                (layer.roles, true),
                (layer.everyone, !privately),
            ] {
                if counts && changes.allow.contains(asked) {
                    return true;
                }
                if counts && changes.deny.contains(asked) {
                    return false;
                }
            }
            if privately {
                return false;
            }
        }
    }
    who.everyone.union(who.roles).contains(asked)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_nearest_word_counts(who in any_ordinary_standing(), mut channel in any_channel()) {
        channel.form = Form::Open;
        channel.is_archived = false;
        let who = Standing { is_timed_out: false, ..who };
        let held = resolve(&who, Place::Channel(&channel));
        let sees = by_nearest_word(&who, &channel, P::ViewChannel);
        for asked in Permission::ALL {
            let needs = |other: P| sees && by_nearest_word(&who, &channel, other);
            let expected = sees && by_nearest_word(&who, &channel, *asked)
                && (!Permissions::OF_WRITING.contains(*asked) || needs(P::SendMessages))
                && (!Permissions::OF_VOICE.contains(*asked) || needs(P::Connect));
            prop_assert_eq!(held.contains(*asked), expected, "{}", asked);
        }
    }

    #[test]
    fn who_does_not_see_a_channel_does_nothing_there(who in any_standing(), channel in any_channel()) {
        let held = resolve(&who, Place::Channel(&channel));
        prop_assert!(held.contains(P::ViewChannel) || held.is_empty());
    }

    #[test]
    fn nothing_is_added_to_what_is_archived(who in any_standing(), mut channel in any_channel()) {
        channel.is_archived = true;
        let held = resolve(&who, Place::Channel(&channel));
        prop_assert!(held.within(Permissions::ADDING).is_empty());
    }

    #[test]
    fn who_is_silenced_only_reads(who in any_ordinary_standing(), channel in any_channel()) {
        let who = Standing { is_timed_out: true, ..who };
        for place in [Place::Community, Place::Channel(&channel)] {
            prop_assert!(Permissions::TIMED_OUT.covers(resolve(&who, place)));
        }
    }

    #[test]
    fn strangers_hold_nothing(who in any_standing(), channel in any_channel()) {
        let who = Standing { is_member: false, is_owner: false, staff: Permissions::NONE, ..who };
        for place in [Place::Community, Place::Channel(&channel)] {
            prop_assert!(resolve(&who, place).is_empty());
        }
    }

    #[test]
    fn nobody_holds_more_than_the_owner(who in any_standing(), channel in any_channel()) {
        let owner = Standing { is_owner: true, ..who };
        for place in [Place::Community, Place::Channel(&channel)] {
            prop_assert!(resolve(&owner, place).covers(resolve(&who, place)));
        }
    }

    #[test]
    fn a_role_more_never_takes_away(who in any_standing(), more in any_set(), channel in any_channel()) {
        let richer = Standing { roles: who.roles.union(more), ..who };
        for place in [Place::Community, Place::Channel(&channel)] {
            prop_assert!(resolve(&richer, place).covers(resolve(&who, place)));
        }
    }

    #[test]
    fn a_layer_that_says_nothing_changes_nothing(who in any_standing(), channel in any_channel()) {
        let mut longer = channel.clone();
        longer.layers.push(Layer::default());
        longer.layers.insert(0, Layer::default());
        let held = resolve(&who, Place::Channel(&channel));
        prop_assert_eq!(resolve(&who, Place::Channel(&longer)), held);
    }
}
