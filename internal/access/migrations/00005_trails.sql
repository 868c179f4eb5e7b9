-- +goose Up
-- Copies of somebody's badge trail: one asks, another allows, and only then there is one.
CREATE TABLE access_trails (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL,
    from_at    INTEGER NOT NULL, -- Unix ms, as all times here
    to_at      INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    asked_by   TEXT NOT NULL,
    asked_name TEXT NOT NULL,    -- as it was then
    asked_at   INTEGER NOT NULL,
    judged_by  TEXT NOT NULL DEFAULT '',
    judged_name TEXT NOT NULL DEFAULT '',
    judged_at  INTEGER NOT NULL DEFAULT 0,
    allowed    INTEGER NOT NULL DEFAULT 0,
    answer     TEXT NOT NULL DEFAULT '',
    taken      INTEGER NOT NULL DEFAULT 0 -- how often
);
CREATE INDEX access_trails_asked ON access_trails(asked_at);

-- Rights that are narrower since a version; what the door still has is wider.
ALTER TABLE access_list_gone ADD COLUMN narrowed INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE access_list_gone DROP COLUMN narrowed;
DROP TABLE access_trails;
