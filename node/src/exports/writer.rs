//! Writes the archive of one member, entry by entry.

use std::sync::Arc;

use federation_core::store::sql::Connection;
use serde::Serialize;

use super::Documents;
use super::acts;
use super::archive::{About, Archive, Listed};
use super::communities;
use super::conversations;
use super::error::ExportError;
use super::manifest;
use super::marks;
use super::part::{Frame, Part, Series};
use super::personal;
use super::store::{self, Batch, GRANTS, SIGN_INS};
use super::table;
use super::wire::FollowRecord;
use crate::accounts::model::User;
use crate::base::ids::{AuditId, ChannelId, SessionId};
use crate::base::page::PageQuery;
use crate::blocks::model::BlockKind;
use crate::follows;
use crate::follows::model::{Follow, Side};
use crate::platform::audit::{self, AuditFilter};
use crate::platform::ctx::Ctx;

const ACTOR: About = About::Url("https://www.w3.org/TR/activitypub/#actor-objects");
const COLLECTION: About = About::Url("https://www.w3.org/TR/activitystreams-core/#collections");
const TABLE: About = About::Url("https://docs.joinmastodon.org/user/moving/#export");

/// An archive that is being written.
pub(super) struct Writer {
    ctx: Ctx,
    user: User,
    documents: Arc<dyn Documents>,
    archive: Archive,
}

impl Writer {
    /// Writes into `archive` what is held of `user`.
    pub(super) fn new(
        ctx: Ctx,
        user: User,
        documents: Arc<dyn Documents>,
        archive: Archive,
    ) -> Self {
        Self {
            ctx,
            user,
            documents,
            archive,
        }
    }

    /// Writes everything but the end.
    ///
    /// # Errors
    /// The reader is gone, or something cannot be read: the archive must not be ended then.
    pub(super) async fn write(mut self) -> Result<Archive, ExportError> {
        self.activitypub().await?;
        self.account().await?;
        self.signing_in().await?;
        self.follows().await?;
        self.communities().await?;
        self.personal().await?;
        self.conversations().await?;
        self.marks().await?;
        self.audit().await?;
        let (actor, origin) = (self.user.actor_uri.as_str(), self.ctx.origin());
        let list = manifest::write(&self.archive, actor, origin)?;
        self.archive.add(manifest::entry(), list.as_bytes()).await?;
        Ok(self.archive)
    }

    async fn activitypub(&mut self) -> Result<(), ExportError> {
        let origin = self.ctx.origin().clone();
        let actor = self.documents.document_of(&self.user, &origin).await?;
        self.document("activitypub/actor.json", ACTOR, &actor)
            .await?;
        let outbox = format!("{}/outbox", self.user.actor_uri);
        let mut part = Part::first(Series {
            stem: "activitypub/outbox",
            extension: "json",
            is_numbered: false,
            frame: Frame::Collection(outbox),
            about: COLLECTION,
        });
        let (ctx, user) = (self.ctx.clone(), self.user.clone());
        self.fill(&mut part, move |connection, before| {
            conversations::sent(&ctx, connection, &user, before)
        })
        .await?;
        self.finish(part).await?;
        self.table("activitypub/following_accounts", Side::Following)
            .await?;
        self.table("activitypub/followers", Side::Followers).await
    }

    /// People on one side of the follows that were agreed to.
    async fn table(&mut self, stem: &'static str, side: Side) -> Result<(), ExportError> {
        let mut part = Part::first(Series {
            stem,
            extension: "csv",
            is_numbered: false,
            frame: Frame::Table(table::names(side)),
            about: TABLE,
        });
        let (id, origin) = (self.user.id, self.ctx.origin().clone());
        self.fill(&mut part, move |connection, before| {
            let page = older(before);
            let found = follows::store::list(connection, id, side, true, &page)?;
            let line = |(_, person): &(Follow, User)| table::row(side, &person.handle(&origin));
            Ok(Batch {
                lines: found.items.iter().map(line).collect(),
                next: found.next,
            })
        })
        .await?;
        self.finish(part).await
    }

    async fn account(&mut self) -> Result<(), ExportError> {
        let (user, origin) = (self.user.clone(), self.ctx.origin().clone());
        let read = move |connection: &mut Connection| store::account(connection, &origin, &user);
        let account = self.ctx.db().read(read).await?;
        let about = About::Text("the account, its roles and the terms of use agreed to");
        self.document("account.json", about, &account).await?;
        let id = self.user.id;
        let mut part = Part::first(Series::lines(
            "invitations",
            "invitations that the member made, without their codes",
        ));
        self.fill(&mut part, move |connection, before| {
            store::invitations(connection, id, before)
        })
        .await?;
        self.finish(part).await
    }

    async fn signing_in(&mut self) -> Result<(), ExportError> {
        let id = self.user.id;
        for (stem, about, kinds) in [
            ("sessions", "sign-ins and their devices", SIGN_INS),
            (
                "grants",
                "applications let in and personal access tokens, without secrets",
                GRANTS,
            ),
        ] {
            let mut part = Part::first(Series::lines(stem, about));
            for ended in [false, true] {
                self.fill(&mut part, move |connection, before: Option<SessionId>| {
                    store::sessions(connection, id, (kinds, ended), before)
                })
                .await?;
            }
            self.finish(part).await?;
        }
        let mut part = Part::first(Series::lines("passkeys", "passkeys by name"));
        self.fill(&mut part, move |connection, _: Option<()>| {
            store::passkeys(connection, id)
        })
        .await?;
        self.finish(part).await?;
        let mut part = Part::first(Series::lines(
            "identities",
            "who the member is to issuers by which they sign in",
        ));
        self.fill(&mut part, move |connection, before| {
            store::identities(connection, id, before)
        })
        .await?;
        self.finish(part).await
    }

    async fn follows(&mut self) -> Result<(), ExportError> {
        let mut part = Part::first(Series::lines(
            "follows",
            "follows on both sides, those not agreed to yet included",
        ));
        for side in [Side::Following, Side::Followers] {
            let (id, origin) = (self.user.id, self.ctx.origin().clone());
            self.fill(&mut part, move |connection, before| {
                let page = older(before);
                let found = follows::store::list(connection, id, side, false, &page)?;
                let record = |(follow, person): (Follow, User)| {
                    FollowRecord::new(side, follow, &person, &origin)
                };
                Batch::of(found.items.into_iter().map(record), found.next)
            })
            .await?;
        }
        self.finish(part).await
    }

    async fn communities(&mut self) -> Result<(), ExportError> {
        let id = self.user.id;
        let about = "communities, what they hold of the member, invitations into them";
        let mut part = Part::first(Series::lines("communities", about));
        self.fill(&mut part, move |c, from| {
            communities::memberships(c, id, from)
        })
        .await?;
        self.fill(&mut part, move |c, from| communities::bans(c, id, from))
            .await?;
        self.fill(&mut part, move |c, from| {
            communities::overrides(c, id, from)
        })
        .await?;
        self.fill(&mut part, move |c, from| {
            communities::invitations(c, id, from)
        })
        .await?;
        self.finish(part).await
    }

    async fn personal(&mut self) -> Result<(), ExportError> {
        let id = self.user.id;
        let about = "blocks and mutes, drafts, preferences, read markers, notifications";
        let mut part = Part::first(Series::lines("personal", about));
        for kind in [BlockKind::Block, BlockKind::Mute] {
            let origin = self.ctx.origin().clone();
            self.fill(&mut part, move |c, from| {
                personal::blocks(c, &origin, (id, kind), from)
            })
            .await?;
        }
        self.fill(&mut part, move |c, from| personal::drafts(c, id, from))
            .await?;
        self.fill(&mut part, move |c, from| personal::preferences(c, id, from))
            .await?;
        self.fill(&mut part, move |c, from| personal::markers(c, id, from))
            .await?;
        self.fill(&mut part, move |c, from| personal::told(c, id, from))
            .await?;
        self.finish(part).await
    }

    async fn conversations(&mut self) -> Result<(), ExportError> {
        let id = self.user.id;
        let origin = self.ctx.origin().clone();
        let (listing, elsewhere) = (origin.clone(), origin.clone());
        let mut part = Part::first(Series::lines(
            "conversations",
            "conversations and who takes part in them",
        ));
        self.fill(&mut part, move |connection, before| {
            conversations::conversations(connection, &listing, id, before)
        })
        .await?;
        self.finish(part).await?;
        let about = "messages of these conversations, own ones of channels; deleted ones empty";
        let mut series = Series::lines("messages", about);
        series.is_numbered = true;
        let mut part = Part::first(series);
        let mut before: Option<ChannelId> = None;
        loop {
            let read =
                move |connection: &mut Connection| conversations::ids(connection, id, before);
            let (channels, next) = self.ctx.db().read(read).await?;
            for channel in channels {
                let origin = origin.clone();
                self.fill(&mut part, move |connection, after| {
                    conversations::said(connection, &origin, (id, channel), after)
                })
                .await?;
            }
            before = next;
            if before.is_none() {
                break;
            }
        }
        self.fill(&mut part, move |connection, before| {
            conversations::said_elsewhere(connection, &elsewhere, id, before)
        })
        .await?;
        self.finish(part).await?;
        let about = "what own messages said before they were edited";
        let mut part = Part::first(Series::lines("edits", about));
        self.fill(&mut part, move |connection, after| {
            conversations::edits(connection, id, after)
        })
        .await?;
        self.finish(part).await
    }

    async fn marks(&mut self) -> Result<(), ExportError> {
        let id = self.user.id;
        let about = "reactions of the member, and what they voted for in polls";
        let mut part = Part::first(Series::lines("marks", about));
        self.fill(&mut part, move |c, from| marks::reactions(c, id, from))
            .await?;
        self.fill(&mut part, move |c, from| marks::votes(c, id, from))
            .await?;
        self.finish(part).await
    }

    async fn audit(&mut self) -> Result<(), ExportError> {
        let id = self.user.id;
        let by = AuditFilter {
            actor: Some(id),
            ..AuditFilter::default()
        };
        let on = AuditFilter {
            target: Some(id.to_string()),
            ..AuditFilter::default()
        };
        let about = "what the member did, then what others did to the account, as recorded";
        let mut part = Part::first(Series::lines("audit", about));
        self.fill(&mut part, move |connection, before: Option<AuditId>| {
            let found = audit::list(connection, &by, &older(before))?;
            let items = found.items.into_iter();
            Batch::of(items.map(|act| acts::done_by(id, act)), found.next)
        })
        .await?;
        self.fill(&mut part, move |connection, before: Option<AuditId>| {
            let found = audit::list(connection, &on, &older(before))?;
            let items = found.items.into_iter();
            Batch::of(items.filter_map(|act| acts::done_to(id, act)), found.next)
        })
        .await?;
        self.finish(part).await
    }

    async fn document(
        &mut self,
        name: &str,
        about: About,
        document: &(impl Serialize + Sync),
    ) -> Result<(), ExportError> {
        let text = serde_json::to_string_pretty(document)?;
        let entry = Listed {
            name: name.to_owned(),
            about,
            records: None,
        };
        self.archive.add(entry, text.as_bytes()).await
    }

    /// Adds records page after page, and sends every entry that is full.
    async fn fill<C, F>(&mut self, part: &mut Part, read: F) -> Result<(), ExportError>
    where
        C: Send + 'static,
        F: Fn(&mut Connection, Option<C>) -> Result<Batch<C>, ExportError> + Clone + Send + 'static,
    {
        let mut from = None;
        loop {
            let read = read.clone();
            let batch = self
                .ctx
                .db()
                .read(move |connection| read(connection, from))
                .await?;
            for line in &batch.lines {
                part.push(line);
                if part.is_full() {
                    self.send(part).await?;
                }
            }
            from = batch.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, part: &mut Part) -> Result<(), ExportError> {
        let (entry, text) = part.take();
        self.archive.add(entry, text.as_bytes()).await
    }

    /// Sends what is left of a series.
    async fn finish(&mut self, mut part: Part) -> Result<(), ExportError> {
        if part.is_needed() {
            self.send(&mut part).await?;
        }
        Ok(())
    }
}

/// The page after this id, of a list that shows the newest first.
fn older<Id>(before: Option<Id>) -> PageQuery<Id> {
    PageQuery {
        before,
        after: None,
        limit: None,
    }
}
