-- In which channel it is, so that those who judge for a community see reports of what they see alone.
ALTER TABLE reports ADD COLUMN channel_id TEXT;
UPDATE reports SET channel_id = target_id WHERE target_kind = 'channel';
UPDATE reports SET channel_id = (SELECT messages.channel_id FROM messages WHERE messages.id = reports.target_id)
    WHERE target_kind = 'message';
-- The last two labels of the domain, under which many hosts may belong to one.
ALTER TABLE reports ADD COLUMN site TEXT;
UPDATE reports SET site = domain;
CREATE INDEX reports_site_id_idx ON reports (site, id) WHERE site IS NOT NULL;
CREATE INDEX reports_updated_at_idx ON reports (updated_at) WHERE domain IS NOT NULL AND closed_at IS NULL;
-- For whom somebody took a step. Of older ones nobody knows: they are shown to the node alone.
ALTER TABLE report_steps ADD COLUMN court TEXT NOT NULL DEFAULT 'node'
    CHECK (court IN ('node', 'community'));
