DROP INDEX node_challenges_site_expires_at_idx;
ALTER TABLE node_challenges DROP COLUMN site;
