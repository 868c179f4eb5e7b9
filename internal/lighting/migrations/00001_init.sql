-- +goose Up
CREATE TABLE lighting_plan (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    data    TEXT NOT NULL      -- JSON of programmes, calendars and groups
);
CREATE TABLE lighting_override (
    id     TEXT PRIMARY KEY,
    cause  TEXT NOT NULL,      -- manual, alarm, test
    target TEXT NOT NULL,      -- group:ID or lamp:ID
    pct    INTEGER NOT NULL,
    begins INTEGER NOT NULL,   -- Unix ms, as all times here
    ends   INTEGER NOT NULL,
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    ref    TEXT NOT NULL       -- for what: an event, an order; '' none
);
CREATE INDEX lighting_override_ends ON lighting_override(ends);
-- What a meter showed against the plan and was reported, until it is over.
CREATE TABLE lighting_fault (
    lamp TEXT NOT NULL,
    type TEXT NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (lamp, type)
);

-- +goose Down
DROP TABLE lighting_fault;
DROP TABLE lighting_override;
DROP TABLE lighting_plan;
