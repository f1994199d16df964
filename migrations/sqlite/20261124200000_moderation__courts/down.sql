ALTER TABLE report_steps DROP COLUMN court;
DROP INDEX reports_updated_at_idx;
DROP INDEX reports_site_id_idx;
ALTER TABLE reports DROP COLUMN site;
ALTER TABLE reports DROP COLUMN channel_id;
