//! What members choose to be told of.

use federation_core::store::sql::{Connection, DatabaseError};

use super::inbox::tell;
use super::wire::{PreferencesView, PutPreferences};
use crate::base::ids::{CommunityId, UserId};
use crate::channels::access;
use crate::communities::authority::Authority;
use crate::notifications::model::Preference;
use crate::notifications::preferences::{self, Of};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// Places that one member chooses something for at most (I11).
const MOST: i64 = 2_000;

/// What a member chose for one place, and what holds there.
pub(super) async fn show(ctx: &Ctx, me: UserId, of: Of) -> Result<PreferencesView, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let community = place(&held, connection, me, of)?;
            Ok(view(&held, connection, me, (of, community))?)
        })
        .await
}

/// Stores what a member chose for one place.
pub(super) async fn put(
    ctx: &Ctx,
    me: UserId,
    of: Of,
    body: PutPreferences,
) -> Result<PreferencesView, ApiError> {
    let held = ctx.clone();
    let choice = Preference {
        level: body.level,
        muted_until: body.muted_until.map(federation_core::Timestamp::as_millis),
        suppress_everyone: body.suppress_everyone,
    };
    ctx.db()
        .write(move |connection| {
            let (log, now) = (EventLog::begin(connection)?, held.now());
            let community = place(&held, connection, me, of)?;
            let is_new = preferences::chosen(connection, me, of)? == Preference::UNSET;
            if is_new && preferences::count(connection, me)? >= MOST {
                let detail = format!("There are too many: at most {MOST}.");
                return Err(ApiError::conflict("too_many", detail));
            }
            preferences::put(connection, me, of, choice, now)?;
            let view = view(&held, connection, me, (of, community))?;
            tell(connection, &log, me, ("preferences.updated", &view), now)?;
            Ok(view)
        })
        .await
}

/// The community of the place, which the member has to see.
fn place(
    ctx: &Ctx,
    connection: &mut Connection,
    me: UserId,
    of: Of,
) -> Result<Option<CommunityId>, ApiError> {
    match of {
        Of::Account => Ok(None),
        Of::Community(id) => {
            Authority::inside(connection, id, me, ctx.now())?;
            Ok(Some(id))
        }
        Of::Channel(id) => {
            let seen = access::require(connection, me, id, ctx.now())?;
            Ok(seen.channel.community_id)
        }
    }
}

fn view(
    ctx: &Ctx,
    connection: &mut Connection,
    me: UserId,
    (of, community): (Of, Option<CommunityId>),
) -> Result<PreferencesView, DatabaseError> {
    let channel = match of {
        Of::Channel(id) => Some(id),
        Of::Account | Of::Community(_) => None,
    };
    let chosen = preferences::chosen(connection, me, of)?;
    let place = (channel, community);
    let holds = preferences::effective(connection, me, place, ctx.now())?;
    Ok(PreferencesView::new(place, chosen, holds))
}
