-- What this node has to do with other domains.
CREATE TABLE domain_policies (
    -- In its one spelling, without a port; it counts for everything below it.
    domain TEXT NOT NULL PRIMARY KEY,
    severity TEXT NOT NULL CHECK (severity IN ('allow', 'none', 'silence', 'block')),
    rejects_media BOOLEAN NOT NULL,
    rejects_reports BOOLEAN NOT NULL,
    public_comment TEXT NOT NULL,
    private_comment TEXT NOT NULL,
    is_obfuscated BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One row: whether domains without a policy are let in, and the number of the last change.
CREATE TABLE domain_settings (
    name TEXT NOT NULL PRIMARY KEY CHECK (name = 'node'),
    mode TEXT NOT NULL CHECK (mode IN ('open', 'allow_list')),
    version BIGINT NOT NULL
);
INSERT INTO domain_settings (name, mode, version) VALUES ('node', 'open', 0);
