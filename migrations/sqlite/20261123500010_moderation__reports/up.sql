-- What members, other nodes and rules reported, with what was there to see.
CREATE TABLE reports (
    id TEXT NOT NULL PRIMARY KEY,
    -- Whose moderators judge it beside those of the node; not a reference, so that reports stay.
    community_id TEXT,
    target_kind TEXT NOT NULL CHECK (target_kind IN ('message', 'user', 'community', 'channel')),
    target_id TEXT NOT NULL,
    -- The person whose doing it is.
    subject_id TEXT,
    reason TEXT NOT NULL CHECK (reason IN ('spam', 'abuse', 'illegal', 'other')),
    comment TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('member', 'node', 'rule')),
    -- Of reports by members.
    reporter_id TEXT,
    -- Of reports by other nodes.
    domain TEXT,
    activity_uri TEXT,
    -- Of reports by rules.
    rule_id TEXT,
    -- The content as it was when it was reported, as JSON.
    snapshot TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'assigned', 'resolved', 'dismissed')),
    assignee_id TEXT,
    is_forwarded BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX reports_state_id_idx ON reports (state, id);
CREATE INDEX reports_community_id_id_idx ON reports (community_id, id) WHERE community_id IS NOT NULL;
CREATE INDEX reports_reporter_id_id_idx ON reports (reporter_id, id) WHERE reporter_id IS NOT NULL;
CREATE INDEX reports_domain_id_idx ON reports (domain, id) WHERE domain IS NOT NULL;
CREATE INDEX reports_target_id_idx ON reports (target_id) WHERE closed_at IS NULL;
CREATE INDEX reports_rule_id_idx ON reports (rule_id) WHERE rule_id IS NOT NULL;
CREATE INDEX reports_closed_at_idx ON reports (closed_at) WHERE closed_at IS NOT NULL;
CREATE UNIQUE INDEX reports_activity_uri_idx ON reports (activity_uri) WHERE activity_uri IS NOT NULL;

-- What was done about a report, step by step.
CREATE TABLE report_steps (
    id TEXT NOT NULL PRIMARY KEY,
    report_id TEXT NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    by_id TEXT NOT NULL,
    state TEXT NOT NULL,
    assignee_id TEXT,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX report_steps_report_id_id_idx ON report_steps (report_id, id);
