-- The site of each challenge's holder, for a bound that subdomains do not get round. Challenges that
-- are open live for two minutes; those without a site count together.
ALTER TABLE node_challenges ADD COLUMN site TEXT NOT NULL DEFAULT '';
CREATE INDEX node_challenges_site_expires_at_idx ON node_challenges (site, expires_at);
