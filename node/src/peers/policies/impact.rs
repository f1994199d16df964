//! What a policy affects: people, follows, conversations and deliveries of each domain, counted for all
//! domains at once so that a long list costs no more than a short one.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use federation_core::fetch::canonical_host;
use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;

/// What a policy affects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = DomainImpact)]
pub struct Impact {
    /// People of the domain who are known here.
    pub people: i64,
    /// Follows between them and members.
    pub follows: i64,
    /// Conversations that they are in, counted for each of its hosts.
    pub conversations: i64,
    /// Deliveries that wait for it.
    pub queued_deliveries: i64,
}

/// What there is of each domain, with everything below it counted in.
#[derive(Debug, Default)]
pub(super) struct Impacts(HashMap<String, Impact>);

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    domain: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

const PEOPLE: &str = "SELECT domain, count(*) AS number FROM users \
     WHERE domain IS NOT NULL AND deleted_at IS NULL GROUP BY domain";
const FOLLOWS: &str = "SELECT users.domain AS domain, count(*) AS number FROM follows \
     INNER JOIN users ON users.id = follows.follower_id OR users.id = follows.followee_id \
     WHERE users.domain IS NOT NULL GROUP BY users.domain";
const CONVERSATIONS: &str = "SELECT users.domain AS domain, \
     count(DISTINCT channel_members.channel_id) AS number FROM channel_members \
     INNER JOIN users ON users.id = channel_members.user_id \
     WHERE users.domain IS NOT NULL GROUP BY users.domain";
const QUEUED: &str = "SELECT peer AS domain, count(*) AS number FROM deliveries \
     WHERE state = 'queued' GROUP BY peer";

/// The count that a number belongs to.
type Count = fn(&mut Impact) -> &mut i64;

impl Impacts {
    /// Counts.
    pub(super) fn read(connection: &mut Connection) -> Result<Self, DatabaseError> {
        let mut impacts = Self::default();
        let counts: [(&str, Count); 4] = [
            (PEOPLE, |impact| &mut impact.people),
            (FOLLOWS, |impact| &mut impact.follows),
            (CONVERSATIONS, |impact| &mut impact.conversations),
            (QUEUED, |impact| &mut impact.queued_deliveries),
        ];
        for (query, of) in counts {
            let rows: Vec<Counted> = diesel::sql_query(query).load(connection)?;
            for row in rows {
                impacts.add(&canonical_host(&row.domain), row.number, of);
            }
        }
        Ok(impacts)
    }

    /// Counts something for a host and each domain that it lies below.
    fn add(&mut self, host: &str, number: i64, of: Count) {
        let mut rest = Some(host);
        while let Some(domain) = rest {
            let count = of(self.0.entry(domain.to_owned()).or_default());
            *count = count.saturating_add(number);
            rest = domain.split_once('.').map(|(_, parent)| parent);
        }
    }

    /// What there is of a domain.
    pub(super) fn of(&self, domain: &str) -> Impact {
        self.0.get(domain).copied().unwrap_or_default()
    }
}
