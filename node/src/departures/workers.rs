//! The worker that carries deletions on, from wherever the last one stopped.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::parse_id;
use futures_util::FutureExt as _;

use super::federate;
use super::model::{DONE, Deletion, REQUESTED, TOLD};
use super::store;
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::UserId;
use crate::blocks;
use crate::channels;
use crate::communities;
use crate::follows;
use crate::messages;
use crate::moderation;
use crate::notifications;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::people::Signers;
use crate::platform::rounds;

/// Deletions looked at in one round.
const AT_ONCE: i64 = 20;
/// Messages buried in one transaction, so that nobody waits long behind it.
const STEP: i64 = 50;
/// When a deletion that could not be carried on is tried again.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// Carries deletions on until the server stops.
pub async fn work(ctx: Ctx, signers: impl Signers + Clone) {
    let held = ctx.clone();
    let round = move || {
        let (ctx, signers) = (held.clone(), signers.clone());
        async move { round(&ctx, &signers).await }.boxed()
    };
    rounds::run(ctx, "carry deletions on", round).await;
}

async fn round(ctx: &Ctx, signers: &impl Signers) -> Result<Option<Timestamp>, ApiError> {
    let read = |connection: &mut Connection| {
        let open = store::open(connection, AT_ONCE)?;
        let mut found = Vec::with_capacity(open.len());
        for deletion in open {
            let user = accounts::store::by_id(connection, deletion.user_id)?;
            found.extend(user.map(|user| (deletion, user)));
        }
        Ok::<_, ApiError>(found)
    };
    let open = ctx.db().read(read).await?;
    let more = !open.is_empty();
    let mut pause = Duration::ZERO;
    for (deletion, user) in open {
        let carried = async {
            if deletion.state == REQUESTED {
                tell(ctx, signers, &deletion, &user).await?;
            }
            erase(ctx, &deletion, &user).await
        };
        // One that cannot go on does not keep the others waiting.
        if let Err(error) = carried.await {
            tracing::warn!(%error, deletion = %deletion.id, "cannot carry a deletion on");
            pause = RETRY_AFTER;
        }
    }
    Ok(more.then(|| ctx.now().plus(pause)))
}

/// Tells other nodes, once.
async fn tell(
    ctx: &Ctx,
    signers: &impl Signers,
    deletion: &Deletion,
    user: &User,
) -> Result<(), ApiError> {
    let actor = parse_id(&user.actor_uri).ok_or_else(ApiError::not_found)?;
    let keys = signers.keys_of(&actor).await?;
    let asked = user.clone();
    let targets = ctx
        .db()
        .read(move |connection| federate::audience(connection, &asked))
        .await?;
    let (deletion, user, now) = (deletion.clone(), user.clone(), ctx.now());
    ctx.db()
        .write(move |connection| {
            if store::move_on(connection, deletion.id, (REQUESTED, TOLD), now)? {
                federate::tell(connection, &deletion, &user, &keys, targets.clone(), now)?;
            }
            Ok::<_, ApiError>(())
        })
        .await
}

/// Takes away so many rows of a person at once; answers how many.
type Forgetting = fn(&Ctx, &mut Connection, UserId, i64) -> Result<usize, DatabaseError>;

/// Leaves tombstones of all that the person wrote, takes them out of groups, ends their follows, and
/// forgets them in communities and what was theirs alone.
async fn erase(ctx: &Ctx, deletion: &Deletion, user: &User) -> Result<(), ApiError> {
    let in_steps: [Forgetting; 3] = [
        messages::erase::bury_some,
        messages::drop_some_of,
        channels::conversations::forget,
    ];
    for forget in in_steps {
        loop {
            let (held, id) = (ctx.clone(), user.id);
            let gone = ctx
                .db()
                .write(move |connection| forget(&held, connection, id, STEP));
            if i64::try_from(gone.await?).unwrap_or(STEP) < STEP {
                break;
            }
            if ctx.tasks().shutdown().is_cancelled() {
                return Ok(());
            }
        }
    }
    let (id, user, now) = (deletion.id, user.id, ctx.now());
    ctx.db()
        .write(move |connection| {
            follows::store::remove_all_of(connection, user)?;
            communities::leaving::forget(connection, user)?;
            moderation::reports::forget(connection, user)?;
            moderation::rules::forget(connection, user)?;
            messages::scheduled::forget(connection, user)?;
            channels::structure::forget(connection, user)?;
            blocks::store::forget(connection, user)?;
            notifications::store::forget(connection, user)?;
            messages::reading::store::forget(connection, user)?;
            messages::drafts::store::forget(connection, user)?;
            store::move_on(connection, id, (TOLD, DONE), now)?;
            Ok::<_, ApiError>(())
        })
        .await
}
