//! Who the names in a text are, in the transaction that stores it.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::Tag;
use url::Url;

use super::model::{MentionKind, MentionView, slug};
use crate::accounts::model::User;
use crate::base::ids::{CommunityId, UserId};
use crate::base::permission::Permission;
use crate::base::text::{self, Name, Target};
use crate::channels::access::{self, Seen};
use crate::channels::structure::is_mirror;
use crate::communities;
use crate::communities::model::CommunityRole;
use crate::communities::roles;
use crate::config::{LimitsConfig, Origin};
use crate::messages::model::Draft;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::{community_members, users};
use crate::platform::http::error::ApiError;

/// Names that are looked up at once: databases take a bounded number of values.
const AT_ONCE: usize = 500;

/// A text with its mentions, as it is stored.
pub(in crate::messages) struct Resolved {
    /// Sanitised HTML.
    pub(in crate::messages) html: String,
    /// Whom it mentions.
    pub(in crate::messages) mentions: Vec<MentionView>,
}

/// Looks up whom a text mentions; who writes it sees the channel as `seen`, and `people` are those
/// of a conversation.
///
/// Those count who see the channel; roles and everybody where the author may mention them. All
/// other names are text.
///
/// # Errors
/// 422 when it mentions too many.
pub(in crate::messages) fn resolve(
    ctx: &Ctx,
    connection: &mut Connection,
    seen: &Seen,
    people: &[User],
    draft: &Draft,
) -> Result<Resolved, ApiError> {
    let mut found = Found::default();
    if !draft.names.is_empty() {
        let limits = &ctx.config().limits;
        let people = match seen.channel.community_id {
            None => in_conversation(people, ctx.origin()),
            Some(community) => in_community(ctx, connection, (community, seen), draft)?,
        };
        let roles = roles_of(connection, seen, draft)?;
        for name in &draft.names {
            found.take(name, &people, roles.as_deref(), ctx.origin());
        }
        found.check(limits)?;
    }
    let html = if found.targets.is_empty() {
        draft.html.clone()
    } else {
        text::compose(&draft.content, &found.targets).html
    };
    Ok(Resolved {
        html,
        mentions: found.mentions,
    })
}

#[derive(Default)]
struct Found {
    targets: HashMap<Name, Target>,
    mentions: Vec<MentionView>,
}

impl Found {
    /// Takes a name in; `roles` are those that the author may mention, if any.
    fn take(
        &mut self,
        name: &Name,
        people: &HashMap<Name, User>,
        roles: Option<&[CommunityRole]>,
        origin: &Origin,
    ) {
        let mass = match name {
            Name::Word(word) if word == MentionKind::Everyone.as_str() => {
                Some(MentionKind::Everyone)
            }
            Name::Word(word) if word == MentionKind::Here.as_str() => Some(MentionKind::Here),
            _ => None,
        };
        let mention = match (mass, people.get(name)) {
            (Some(kind), _) => roles.map(|_| (MentionView::mass(kind), None)),
            (None, Some(person)) => {
                let text = match name {
                    Name::Handle(..) => person.handle(origin),
                    _ => format!("@{}", person.username),
                };
                let href = Some(person.actor_uri.clone());
                Some((MentionView::person(person, text), href))
            }
            (None, None) => role(name, roles.unwrap_or_default()).map(|role| (role, None)),
        };
        let Some((mention, href)) = mention else {
            return;
        };
        let text = mention.text.clone();
        self.targets.insert(name.clone(), Target { text, href });
        if !self.mentions.iter().any(|known| known.is_same(&mention)) {
            self.mentions.push(mention);
        }
    }

    fn check(&self, limits: &LimitsConfig) -> Result<(), ApiError> {
        let count = |kind| {
            let of_kind = self.mentions.iter().filter(|mention| mention.kind == kind);
            of_kind.count()
        };
        if count(MentionKind::User) > limits.mentioned_people
            || count(MentionKind::Role) > limits.mentioned_roles
        {
            return Err(too_many(limits));
        }
        Ok(())
    }
}

fn too_many(limits: &LimitsConfig) -> ApiError {
    let (people, roles) = (limits.mentioned_people, limits.mentioned_roles);
    let detail = format!("A message mentions at most {people} people and {roles} roles.");
    ApiError::invalid("too_many_mentions", detail)
}

fn role(name: &Name, roles: &[CommunityRole]) -> Option<MentionView> {
    let role = roles.iter().find(|role| match name {
        Name::Role(id) => role.id == *id,
        Name::Word(word) => !role.is_everyone && slug(&role.name) == *word,
        Name::Handle(..) => false,
    })?;
    Some(if role.is_everyone {
        MentionView::mass(MentionKind::Everyone)
    } else {
        MentionView::role(role.id, format!("@{}", role.name))
    })
}

/// The roles that may be mentioned; `None` where the author may mention none, and not everybody.
fn roles_of(
    connection: &mut Connection,
    seen: &Seen,
    draft: &Draft,
) -> Result<Option<Vec<CommunityRole>>, DatabaseError> {
    let is_role = |name: &Name| matches!(name, Name::Word(_) | Name::Role(_));
    let community = seen
        .channel
        .community_id
        .filter(|_| seen.permissions.contains(Permission::MentionEveryone))
        .filter(|_| draft.names.iter().any(is_role));
    community
        .map(|id| roles::store::list(connection, id))
        .transpose()
}

/// What people are found by: the name alone for those of this node, with the domain for others.
fn key(name: &Name, origin: &Origin) -> Option<String> {
    match name {
        Name::Word(word) => Some(word.clone()),
        Name::Handle(name, domain) if *domain == origin.authority().to_lowercase() => {
            Some(name.clone())
        }
        Name::Handle(name, domain) => Some(format!("{name}@{domain}")),
        Name::Role(_) => None,
    }
}

fn key_of(person: &User) -> String {
    let name = person.username.to_lowercase();
    match &person.domain {
        Some(domain) => format!("{name}@{}", domain.to_lowercase()),
        None => name,
    }
}

/// The people of a conversation by every name; a name alone may be that of a guest where nobody
/// of this node has it.
fn in_conversation(people: &[User], origin: &Origin) -> HashMap<Name, User> {
    let mut names = HashMap::new();
    let (local, others): (Vec<&User>, Vec<&User>) = people
        .iter()
        .filter(|person| person.is_active())
        .partition(|person| person.is_local());
    for person in local.into_iter().chain(others) {
        let name = person.username.to_lowercase();
        let domain = person.domain.as_deref();
        let domain = domain.unwrap_or_else(|| origin.authority()).to_lowercase();
        names
            .entry(Name::Handle(name.clone(), domain))
            .or_insert_with(|| person.clone());
        names
            .entry(Name::Word(name))
            .or_insert_with(|| person.clone());
    }
    names
}

/// The named people of a community who see the channel.
fn in_community(
    ctx: &Ctx,
    connection: &mut Connection,
    (community, seen): (CommunityId, &Seen),
    draft: &Draft,
) -> Result<HashMap<Name, User>, ApiError> {
    let limits = &ctx.config().limits;
    let mut wanted: HashMap<String, Vec<&Name>> = HashMap::new();
    for name in &draft.names {
        if let Some(key) = key(name, ctx.origin()) {
            wanted.entry(key).or_default().push(name);
        }
    }
    let keys: Vec<&str> = wanted.keys().map(String::as_str).collect();
    let mut found: Vec<User> = Vec::new();
    for keys in keys.chunks(AT_ONCE) {
        let rows = users::table
            .filter(users::search_key.eq_any(keys.to_vec()))
            .filter(users::deleted_at.is_null())
            .order(users::id)
            .select(User::as_select());
        let rows: Vec<User> = rows.load(connection)?;
        found.extend(rows);
    }
    if found.is_empty() {
        return Ok(HashMap::new());
    }
    let members = members_among(connection, community, &found)?;
    // Who of other nodes is in a channel of another node, that node alone knows.
    let is_mirror = is_mirror(ctx.origin(), &seen.channel);
    let is_elsewhere = |person: &User| is_mirror && !person.is_local();
    found.retain(|person| is_elsewhere(person) || members.contains(&person.id));
    if found.len() > limits.mentioned_people {
        return Err(too_many(limits));
    }
    let mut people = HashMap::new();
    for person in found {
        if !is_elsewhere(&person) {
            let theirs = access::see(connection, person.id, seen.channel.id, ctx.now())?;
            let is_member = theirs
                .and_then(|theirs| theirs.stands)
                .is_some_and(|stands| stands.standing.is_member);
            if !is_member {
                continue;
            }
        }
        for name in wanted.get(&key_of(&person)).into_iter().flatten() {
            people
                .entry((*name).clone())
                .or_insert_with(|| person.clone());
        }
    }
    Ok(people)
}

/// Those of these people who belong to a community.
fn members_among(
    connection: &mut Connection,
    community: CommunityId,
    people: &[User],
) -> Result<HashSet<UserId>, DatabaseError> {
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let mut rows: HashMap<UserId, Option<i64>> = HashMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let found: Vec<(UserId, Option<i64>)> = community_members::table
            .filter(community_members::community_id.eq(community))
            .filter(community_members::user_id.eq_any(ids.to_vec()))
            .select((community_members::user_id, community_members::left_at))
            .load(connection)?;
        rows.extend(found);
    }
    let community = communities::store::by_id(connection, community)?;
    let is_default = community.is_some_and(|community| community.is_default);
    let belongs = |person: &&User| match rows.get(&person.id) {
        Some(left_at) => left_at.is_none(),
        // Every account of this node is in the default community until a row says otherwise.
        None => is_default && person.is_local(),
    };
    Ok(people
        .iter()
        .filter(belongs)
        .map(|person| person.id)
        .collect())
}

/// The actors whom a note mentions: tagged, and named in its text as well.
///
/// Servers tag everybody to whom a private note is addressed, whatever it says.
pub(in crate::messages) fn named(tags: &[Tag], content: &str, most: usize) -> Vec<Url> {
    let names: HashSet<Name> = text::names(content).into_iter().collect();
    let is_named = |tag: &&Tag| {
        let name = tag.name.as_deref().unwrap_or_default().to_lowercase();
        let name = name.trim_start_matches('@');
        match name.split_once('@') {
            Some((name, domain)) => {
                let handle = Name::Handle(name.to_owned(), domain.to_owned());
                names.contains(&handle) || names.contains(&Name::Word(name.to_owned()))
            }
            None => names.contains(&Name::Word(name.to_owned())),
        }
    };
    let tags = tags.iter().filter(|tag| tag.is_mention()).filter(is_named);
    let mut actors: Vec<Url> = Vec::new();
    for actor in tags.filter_map(|tag| tag.href.clone()) {
        if actors.len() < most && !actors.contains(&actor) {
            actors.push(actor);
        }
    }
    actors
}

/// The mentions of a note from elsewhere, among the people of its conversation.
pub(in crate::messages) fn tagged(people: &[User], actors: &[Url]) -> Vec<MentionView> {
    let person = |actor: &Url| {
        let found = people
            .iter()
            .find(|person| person.actor_uri == actor.as_str() && person.is_active())?;
        Some(MentionView::person(found, format!("@{}", found.username)))
    };
    actors.iter().filter_map(person).collect()
}
