//! Who may do what: a table written by hand, and what holds of every combination.

use proptest::prelude::*;

use super::*;
use crate::base::role::Role;

/// The columns of the table.
const COLUMNS: [(char, Permission); 10] = [
    ('v', P::ViewChannel),
    ('h', P::ReadHistory),
    ('s', P::SendMessages),
    ('t', P::SendInThreads),
    ('a', P::AttachFiles),
    ('r', P::AddReactions),
    ('d', P::ManageMessages),
    ('c', P::ManageChannels),
    ('k', P::KickMembers),
    ('j', P::Connect),
];

/// What the letters stand for.
fn set(letters: &str) -> Permissions {
    let of = |letter: char| COLUMNS.iter().find(|(known, _)| *known == letter);
    letters.chars().filter_map(of).map(|(_, p)| *p).collect()
}

fn changes(text: &str) -> Changes {
    let (allow, deny) = text.split_once('-').unwrap_or((text, ""));
    Changes {
        allow: set(allow),
        deny: set(deny),
    }
}

/// `everyone / roles / member`, each `allowed-denied`; a leading `!` makes it private.
fn layer(text: &str) -> Layer {
    let (is_private, rest) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = rest.split('/').map(str::trim).map(changes);
    Layer {
        is_private,
        everyone: parts.next().unwrap_or_default(),
        roles: parts.next().unwrap_or_default(),
        member: parts.next().unwrap_or_default(),
    }
}

/// Who: `everyone + roles`; a word before a colon says more.
fn standing(text: &str) -> Standing {
    let (word, sets) = text.split_once(':').unwrap_or(("", text));
    let (everyone, roles) = sets.split_once('+').unwrap_or((sets, ""));
    let staff = match word {
        "node admin" => Permissions::of_staff(Privileges::of_role(Role::Admin)),
        "node moderator" => Permissions::of_staff(Privileges::of_role(Role::Moderator)),
        "node owner" => Permissions::of_staff(Privileges::of_role(Role::Owner)),
        _ => Permissions::NONE,
    };
    let mut roles = set(roles.trim());
    if word.ends_with("administrator") {
        roles = roles.union(Permissions::only(P::Administrator));
    }
    Standing {
        is_member: !matches!(
            word,
            "stranger" | "node admin" | "node moderator" | "node owner"
        ),
        is_owner: word.ends_with("owner") && !word.starts_with("node"),
        everyone: set(sets.split('+').next().unwrap_or(everyone).trim()),
        roles,
        staff,
        is_timed_out: word.starts_with("silenced"),
    }
}

/// Who, what sort of channel (`x` before it: archived), category | channel, and what they may do.
const TABLE: &[(&str, &str, &str, &str)] = &[
    // Everyone and roles, by union.
    ("vhs", "open", "", "vhs"),
    ("vhsarj", "open", "", "vhsarj"),
    ("vh + s", "open", "", "vhs"),
    ("vh + dk", "open", "", "vhdk"),
    ("", "open", "", ""),
    (" + v", "open", "", "v"),
    // Without seeing a channel nothing counts there.
    ("hsar", "open", "", ""),
    ("vhs", "open", "-v", ""),
    ("vhs + d", "open", "-v", ""),
    ("vhs + d", "open", "-v/v", "vhsd"),
    // Overrides: everyone, then roles, then the member.
    ("vhs", "open", "-s", "vh"),
    ("vhs", "open", "-s/s", "vhs"),
    ("vhs", "open", "-s/s/-s", "vh"),
    ("vhs", "open", "-s/s-s", "vhs"),
    ("vhs", "open", "s-s", "vhs"),
    ("vhs", "open", "/-s/s", "vhs"),
    ("vhs", "open", "/-s", "vh"),
    ("vh", "open", "s/-s", "vh"),
    ("vh", "open", "s", "vhs"),
    ("vh", "open", "/d/-d", "vh"),
    ("vh", "open", "//d", "vhd"),
    ("vhs + d", "open", "-d", "vhs"),
    ("vhs + d", "open", "/-d", "vhs"),
    ("vhs + d", "open", "//-d", "vhs"),
    ("vhs", "open", "//-v", ""),
    // What is of the community as a whole no channel gives or takes.
    ("vhs", "open", "k", "vhs"),
    ("vhs + k", "open", "-k/-k/-k", "vhsk"),
    ("vhs", "open", "//k", "vhs"),
    // Writing carries what is part of it.
    ("vhsa", "open", "-s", "vh"),
    ("vha", "open", "", "vh"),
    ("vhsa", "open", "-s//s", "vhsa"),
    ("vhr", "open", "", "vhr"),
    // The category first, then the channel: the nearer one counts.
    ("vhs", "open", "-s|", "vh"),
    ("vhs", "open", "-s|s", "vhs"),
    ("vhs", "open", "//-s|s", "vhs"),
    ("vh", "open", "//s|-s", "vh"),
    ("vh", "open", "s|/-s", "vh"),
    ("vhs", "open", "-v|v", "vhs"),
    ("vhs", "open", "|-s", "vh"),
    // Private channels: for those named in them.
    ("vhs", "open", "!", ""),
    ("vhs", "open", "!v", ""),
    ("vhs", "open", "!/v", "vhs"),
    ("vhs", "open", "!//v", "vhs"),
    ("vhs", "open", "!/v/-v", ""),
    ("vhs + c", "open", "!", ""),
    ("vhs", "open", "!//v|", "vhs"),
    ("vhs", "open", "!|", ""),
    ("vhs", "open", "!|v", "vhs"),
    ("vhs", "open", "!|!v", ""),
    ("vhs", "open", "!//v|!", ""),
    ("vhs", "open", "!|!//v", "vhs"),
    // Threads have a permission of their own.
    ("vhs", "thread", "", "vh"),
    ("vht", "thread", "", "vhst"),
    ("vhsta", "thread", "-t", "vh"),
    ("vhta", "thread", "-s", "vhsta"),
    ("vht", "open", "", "vht"),
    // In announcement channels few write.
    ("vhs", "announcement", "", "vh"),
    ("vhsar", "announcement", "", "vhr"),
    ("vhs + d", "announcement", "", "vhd"),
    // In a category nobody writes.
    ("vhs", "category", "", "vh"),
    ("owner:vhs", "category", "", "vhtrdckj"),
    // Owners and administrators: everything, whatever is said.
    ("owner:", "open", "", "vhstardckj"),
    ("owner:", "open", "!-vhs/-vhs/-vhs", "vhstardckj"),
    ("administrator:", "open", "", "vhstardckj"),
    ("administrator:", "open", "!-vhs/-vhs/-vhs", "vhstardckj"),
    ("administrator:", "open", "!|!", "vhstardckj"),
    ("owner:", "announcement", "", "vhstardckj"),
    // Silenced: sees and reads. Owners and administrators cannot be.
    ("silenced:vhsarj", "open", "", "vh"),
    ("silenced:vhs + dck", "open", "", "vh"),
    ("silenced:vhs", "open", "//s", "vh"),
    ("silenced:vhs", "open", "-v", ""),
    ("silenced:hs", "open", "", ""),
    ("silenced:vht", "thread", "", "vh"),
    ("silenced administrator:vhs", "open", "", "vhstardckj"),
    ("silenced owner:vhs", "open", "", "vhstardckj"),
    // Archived: nothing is added, by nobody.
    ("vhstarj", "xopen", "", "vh"),
    ("vhs + dc", "xopen", "", "vhdc"),
    ("owner:", "xopen", "", "vhdck"),
    ("administrator:", "xopen", "!", "vhdck"),
    ("vht", "xthread", "", "vh"),
    ("vhs", "xopen", "//s", "vh"),
    ("silenced:vhs", "xopen", "", "vh"),
    // Strangers hold nothing; those who run the node hold what their privileges give.
    ("stranger:vhs + dck", "open", "", ""),
    ("stranger:vhs", "open", "//vhs", ""),
    ("stranger:vhs", "open", "v/v/v", ""),
    ("node admin:", "open", "!", "vhdck"),
    ("node admin:", "open", "!-vhd/-vhd/-vhd", "vhdck"),
    ("node admin:", "xopen", "", "vhdck"),
    ("node moderator:vhs", "open", "", ""),
    ("node owner:", "open", "!", "vhstardckj"),
    ("node owner:", "xopen", "!", "vhdck"),
];

#[test]
fn the_table_holds() {
    let mut combinations = 0;
    for (who, form, overrides, expected) in TABLE {
        let (is_archived, form) = match form.strip_prefix('x') {
            Some(form) => (true, form),
            None => (false, *form),
        };
        let channel = Layered {
            form: match form {
                "open" => Form::Open,
                "thread" => Form::Thread,
                "announcement" => Form::Announcement,
                _ => Form::Category,
            },
            is_archived,
            layers: overrides.split('|').map(layer).collect(),
        };
        let held = resolve(&standing(who), Place::Channel(&channel));
        for (letter, permission) in COLUMNS {
            let row = format!("{who:?} in {form} {overrides:?}: {permission}");
            assert_eq!(
                held.contains(permission),
                expected.contains(letter),
                "{row}"
            );
            combinations += 1;
        }
    }
    assert!(combinations >= 200, "{combinations}");
}

#[test]
fn in_the_community_as_a_whole_channels_say_nothing() {
    let held = |who| resolve(&standing(who), Place::Community);
    assert_eq!(held("vhs + k"), set("vhsk"));
    assert_eq!(held("silenced:vhs + k"), set("vh"));
    assert_eq!(held("stranger:vhs + k"), Permissions::NONE);
    assert_eq!(held("owner:"), Permissions::ALL);
    assert_eq!(held("node owner:"), Permissions::ALL);
    assert!(held("node moderator:").contains(P::BanMembers));
    assert!(!held("node moderator:").contains(P::ViewChannel));
}

#[test]
fn a_conversation_is_for_those_in_it_alone() {
    for who in [
        "",
        "owner:",
        "administrator:",
        "node owner:",
        "stranger:vhs",
    ] {
        let held = |takes_part| resolve(&standing(who), Place::Conversation(takes_part));
        assert_eq!(held(true), Permissions::IN_CONVERSATION, "{who}");
        assert_eq!(held(false), Permissions::NONE, "{who}");
    }
}

#[test]
fn sets_read_back_as_json_writes_them() {
    for permission in Permission::ALL {
        assert_eq!(permission.as_str().parse(), Ok(*permission));
        let json = serde_json::to_value(permission).unwrap();
        assert_eq!(json, permission.as_str());
        assert!(Permissions::ALL.contains(*permission));
    }
    let some = set("vhk");
    let json = serde_json::to_value(some).unwrap();
    assert_eq!(
        json,
        serde_json::json!(["kick_members", "view_channel", "read_history"])
    );
    assert_eq!(serde_json::from_value::<Permissions>(json).unwrap(), some);
    assert!(serde_json::from_str::<Permissions>(r#"["root"]"#).is_err());
    let bits: std::collections::BTreeSet<i64> = P::ALL.iter().map(|p| p.bit()).collect();
    assert_eq!(bits.len(), P::ALL.len(), "two permissions share a bit");
}

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
