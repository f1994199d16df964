-- How much happened, by the hour, cheap enough to draw.
CREATE TABLE activity_hours (
    -- The start of the hour.
    hour_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- What of the kind, such as a channel; empty when there is nothing to tell apart.
    subject TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (kind, hour_at, subject)
);
