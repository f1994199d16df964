//! All SQL that writes `users`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::Actor;
use url::Url;

use super::contact::DirectMessages;
use super::error::AccountError;
use super::model::{RemotePerson, User, Username, search_key};
use super::presence::Presence;
use super::profile::Profile;
use crate::base::ids::UserId;
use crate::base::role::Role;
use crate::config::Origin;
use crate::platform::db::schema::{remote_actors, users};

/// Held on PostgreSQL by whoever makes the first account or takes an owner's role away, so that
/// the node comes to have one owner and keeps at least one.
const OWNERSHIP_LOCK: i64 = 5_930_411_783_201;

/// Makes an account of this node; the first one becomes its owner.
///
/// # Errors
/// The name is taken or reserved.
pub fn insert_local(
    connection: &mut Connection,
    username: &Username,
    email: Option<&str>,
    origin: &Origin,
    now: Timestamp,
) -> Result<User, AccountError> {
    if username.is_reserved() {
        return Err(AccountError::UsernameReserved);
    }
    let role = if has_account(connection)? {
        Role::User
    } else {
        first_role(connection)?
    };
    let user = User {
        id: UserId::new(now),
        username: username.as_str().to_owned(),
        domain: None,
        actor_uri: username.actor_uri(origin).into(),
        display_name: String::new(),
        bio: String::new(),
        email: email.map(str::to_owned),
        role,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
        suspended_at: None,
        deleted_at: None,
        profile: Profile::default(),
        presence: Presence::default(),
        suspension_reason: None,
        direct_messages: DirectMessages::Everybody,
    };
    match insert(connection, &user) {
        Ok(()) => Ok(user),
        Err(error) if error.is_duplicate() => Err(AccountError::UsernameTaken),
        Err(error) => Err(error.into()),
    }
}

/// Whether this node ever had an account: an owner who stepped back is followed by nobody new.
///
/// # Errors
/// The database failed.
pub fn has_account(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let local = users::table.filter(users::domain.is_null());
    Ok(local
        .select(users::id)
        .first::<UserId>(connection)
        .optional()?
        .is_some())
}

fn first_role(connection: &mut Connection) -> Result<Role, DatabaseError> {
    lock_ownership(connection)?;
    Ok(if has_account(connection)? {
        Role::User
    } else {
        Role::Owner
    })
}

/// Puts everybody who changes what somebody may do in a line, until the transaction ends.
pub(super) fn lock_ownership(connection: &mut Connection) -> Result<(), DatabaseError> {
    if let Connection::Postgres(postgres) = connection {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<diesel::sql_types::BigInt, _>(OWNERSHIP_LOCK)
            .execute(postgres)?;
    }
    Ok(())
}

fn insert(connection: &mut Connection, user: &User) -> Result<(), DatabaseError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user.id),
            users::username.eq(&user.username),
            users::domain.eq(user.domain.as_deref()),
            users::actor_uri.eq(&user.actor_uri),
            users::search_key.eq(search_key(&user.username, user.domain.as_deref())),
            users::display_name.eq(&user.display_name),
            users::bio.eq(&user.bio),
            users::email.eq(user.email.as_deref()),
            users::role.eq(user.role),
            users::created_at.eq(user.created_at),
            users::updated_at.eq(user.updated_at),
            users::profile.eq(user.profile.to_text()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes in what the actor of a person of another node says; answers their id here.
///
/// Their role and suspension, which this node decides, stay as they are.
///
/// # Errors
/// The database failed.
pub fn upsert_remote(
    connection: &mut Connection,
    person: &RemotePerson,
    now: Timestamp,
) -> Result<UserId, DatabaseError> {
    let new = (
        users::id.eq(UserId::new(now)),
        users::actor_uri.eq(person.actor_uri.as_str()),
        users::username.eq(&person.username),
        users::domain.eq(Some(&person.domain)),
        users::search_key.eq(search_key(&person.username, Some(&person.domain))),
        users::display_name.eq(&person.display_name),
        users::bio.eq(&person.bio),
        users::profile.eq(person.profile.to_text()),
        users::role.eq(Role::User),
        users::created_at.eq(now.as_millis()),
        users::updated_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(users::table)
        .values(new)
        .on_conflict(users::actor_uri)
        .do_nothing()
        .execute(c))?;
    let row = users::table
        .filter(users::actor_uri.eq(person.actor_uri.as_str()))
        .filter(users::domain.is_not_null());
    let known: User = row.select(User::as_select()).first(connection)?;
    let changed = known.username != person.username
        || known.domain.as_ref() != Some(&person.domain)
        || known.display_name != person.display_name
        || known.bio != person.bio
        || known.profile != person.profile;
    if changed {
        diesel::update(users::table.find(known.id))
            .set((
                users::username.eq(&person.username),
                users::domain.eq(Some(&person.domain)),
                users::search_key.eq(search_key(&person.username, Some(&person.domain))),
                users::display_name.eq(&person.display_name),
                users::bio.eq(&person.bio),
                users::profile.eq(person.profile.to_text()),
                users::updated_at.eq(now.as_millis()),
            ))
            .execute(connection)?;
    }
    Ok(known.id)
}

/// Notes that a person of another node is gone, and forgets what they said; whether they were known and there.
///
/// # Errors
/// The database failed.
pub fn mark_gone(
    connection: &mut Connection,
    actor_uri: &str,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = users::table
        .filter(users::actor_uri.eq(actor_uri))
        .filter(users::domain.is_not_null())
        .filter(users::deleted_at.is_null());
    let changed = diesel::update(row)
        .set((
            users::display_name.eq(""),
            users::bio.eq(""),
            users::profile.eq("{}"),
            users::deleted_at.eq(Some(now.as_millis())),
        ))
        .execute(connection)?;
    Ok(changed > 0)
}

/// The person of this id, even when suspended or gone.
///
/// # Errors
/// The database failed.
pub fn by_id(connection: &mut Connection, id: UserId) -> Result<Option<User>, DatabaseError> {
    let row = users::table.find(id).select(User::as_select());
    Ok(row.first(connection).optional()?)
}

/// The account of this node with this name, even when suspended or gone.
///
/// # Errors
/// The database failed.
pub fn local_by_username(
    connection: &mut Connection,
    username: &Username,
) -> Result<Option<User>, DatabaseError> {
    let row = users::table
        .filter(users::username.eq(username.as_str()))
        .filter(users::domain.is_null())
        .select(User::as_select());
    Ok(row.first(connection).optional()?)
}

/// The person whose actor has this id, of this node or another.
///
/// # Errors
/// The database failed.
pub fn by_actor(
    connection: &mut Connection,
    actor_uri: &str,
) -> Result<Option<User>, DatabaseError> {
    let row = users::table
        .filter(users::actor_uri.eq(actor_uri))
        .select(User::as_select());
    Ok(row.first(connection).optional()?)
}

/// The person of another node who goes by this handle there, in any case.
///
/// # Errors
/// The database failed.
pub fn remote_by_handle(
    connection: &mut Connection,
    username: &str,
    domain: &str,
) -> Result<Option<User>, DatabaseError> {
    let row = users::table
        .filter(users::search_key.eq(search_key(username, Some(domain))))
        .filter(users::domain.is_not_null())
        .select(User::as_select());
    Ok(row.first(connection).optional()?)
}

/// The actor of a person of another node as it was last fetched; `None` when none is kept.
///
/// # Errors
/// The database failed.
pub fn remote_actor(
    connection: &mut Connection,
    actor_uri: &str,
) -> Result<Option<Actor>, DatabaseError> {
    let row = remote_actors::table
        .find(actor_uri)
        .filter(remote_actors::gone_at.is_null())
        .select(remote_actors::document);
    let document: Option<String> = row.first(connection).optional()?;
    Ok(document.and_then(|document| Actor::parse(document.as_bytes()).ok()))
}

/// Gives an account of this node another role.
///
/// # Errors
/// It is the only owner and would be one no longer.
pub fn set_role(
    connection: &mut Connection,
    id: UserId,
    role: Role,
    now: Timestamp,
) -> Result<(), AccountError> {
    lock_ownership(connection)?;
    if role != Role::Owner && is_only_owner(connection, id)? {
        return Err(AccountError::LastOwner);
    }
    diesel::update(users::table.find(id))
        .set((users::role.eq(role), users::updated_at.eq(now.as_millis())))
        .execute(connection)?;
    Ok(())
}

/// Whether nobody but this person holds the node and can act.
pub(super) fn is_only_owner(
    connection: &mut Connection,
    id: UserId,
) -> Result<bool, DatabaseError> {
    let owners = users::table
        .filter(users::role.eq(Role::Owner))
        .filter(users::domain.is_null())
        .filter(users::suspended_at.is_null())
        .filter(users::deleted_at.is_null());
    let owners: Vec<UserId> = owners.select(users::id).limit(2).load(connection)?;
    Ok(owners == [id])
}

/// All accounts of this node, oldest first, `limit` after the given one.
///
/// # Errors
/// The database failed.
pub fn list_local(
    connection: &mut Connection,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<User>, DatabaseError> {
    let mut rows = users::table
        .filter(users::domain.is_null())
        .order(users::id)
        .limit(limit)
        .select(User::as_select())
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(users::id.gt(after));
    }
    Ok(rows.load(connection)?)
}

/// How many accounts this node holds.
///
/// # Errors
/// The database failed.
pub fn count_local(connection: &mut Connection) -> Result<i64, DatabaseError> {
    let rows = users::table
        .filter(users::domain.is_null())
        .filter(users::deleted_at.is_null());
    Ok(rows.count().get_result(connection)?)
}

/// When the newest account of this node was made.
///
/// # Errors
/// The database failed.
pub fn newest_local(connection: &mut Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let rows = users::table.filter(users::domain.is_null());
    let newest: Option<i64> = rows
        .select(diesel::dsl::max(users::created_at))
        .first(connection)?;
    Ok(newest.map(Timestamp::from_millis))
}

/// The origin under which the accounts of this node were made; `None` while there are none.
///
/// # Errors
/// The database failed.
pub fn origin_of_accounts(connection: &mut Connection) -> Result<Option<Origin>, DatabaseError> {
    let oldest = users::table
        .filter(users::domain.is_null())
        .order(users::id)
        .select(users::actor_uri);
    let actor: Option<String> = oldest.first(connection).optional()?;
    let url = actor.map(|actor| {
        Url::parse(&actor).map_err(|_not_a_url| DatabaseError::Malformed { what: "actor URI" })
    });
    Ok(url.transpose()?.map(|url| Origin::new(&url)))
}

/// Answers when the table can be read.
///
/// # Errors
/// The database failed.
pub fn probe(connection: &mut Connection) -> Result<(), DatabaseError> {
    users::table
        .select(users::id)
        .first::<UserId>(connection)
        .optional()?;
    Ok(())
}
