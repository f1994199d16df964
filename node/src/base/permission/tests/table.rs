//! Who may do what: a table written by hand.

use crate::base::permission::{
    Changes, Form, Layer, Layered, P, Permission, Permissions, Place, Standing, resolve,
};
use crate::base::privilege::Privileges;
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
