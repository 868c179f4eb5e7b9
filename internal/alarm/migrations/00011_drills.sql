-- +goose Up
-- 演练: what was exercised, and what would have been done.
CREATE TABLE alarm_drill (
    id       TEXT PRIMARY KEY,
    rule     TEXT NOT NULL,
    device   TEXT NOT NULL,
    part     TEXT NOT NULL,
    alarms   TEXT NOT NULL,             -- JSON list of ids
    actions  TEXT NOT NULL,             -- JSON list, with a text for people
    reason   TEXT NOT NULL,
    actor    TEXT NOT NULL,             -- account
    name     TEXT NOT NULL,
    began_at INTEGER NOT NULL,          -- Unix ms
    until    INTEGER NOT NULL,          -- ends by itself
    ended_at INTEGER,
    ended_by TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX alarm_drill_running ON alarm_drill(rule, device, part) WHERE ended_at IS NULL;
CREATE INDEX alarm_drill_until ON alarm_drill(until) WHERE ended_at IS NULL;

-- +goose Down
DROP TABLE alarm_drill;
