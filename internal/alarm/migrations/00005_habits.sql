-- +goose Up
-- How what is watched has behaved of late.
CREATE TABLE alarm_habit (
    rule   TEXT NOT NULL,
    device TEXT NOT NULL,
    part   TEXT NOT NULL,
    raises TEXT NOT NULL,                     -- JSON: times in ms of the last minute
    fleets TEXT NOT NULL,                     -- JSON: times in ms at which it came and went by itself
    day    INTEGER NOT NULL,                  -- UTC, since 1970
    today  INTEGER NOT NULL,                  -- raised on that day
    PRIMARY KEY (rule, device, part)
);
CREATE TABLE alarm_day (
    day    INTEGER PRIMARY KEY,
    raised INTEGER NOT NULL
);
CREATE TABLE bad_actor (
    rule        TEXT NOT NULL,
    device      TEXT NOT NULL,
    kind        TEXT NOT NULL,                -- chattering fleeting frequent
    device_name TEXT NOT NULL,
    title_zh    TEXT NOT NULL,
    title_en    TEXT NOT NULL,
    zone        TEXT NOT NULL,
    times       INTEGER NOT NULL,
    per_min     REAL NOT NULL,
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    work_order  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (rule, device, kind)
);
CREATE INDEX bad_actor_last ON bad_actor(last_at);

-- The figures are read from the journal itself: what they need stands in the line.
ALTER TABLE alarm_journal ADD COLUMN rule TEXT NOT NULL DEFAULT '';   -- of a raise that was no drill
ALTER TABLE alarm_journal ADD COLUMN device TEXT NOT NULL DEFAULT '';
ALTER TABLE alarm_journal ADD COLUMN prio INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alarm_journal ADD COLUMN ack_ms INTEGER;                  -- from being told to the acknowledgement
ALTER TABLE alarm_journal ADD COLUMN close_ms INTEGER;                -- from the first raise to the close
UPDATE alarm_journal SET
    rule = (SELECT rule FROM alarm WHERE id = alarm_journal.alarm),
    device = (SELECT device FROM alarm WHERE id = alarm_journal.alarm),
    prio = (SELECT prio_rank FROM alarm WHERE id = alarm_journal.alarm)
    WHERE what = 'raise';
UPDATE alarm_journal SET ack_ms = at - (SELECT max(r.at) FROM alarm_journal r WHERE r.alarm = alarm_journal.alarm AND r.what = 'raise' AND r.id < alarm_journal.id)
    WHERE what = 'ack';
CREATE INDEX alarm_raises ON alarm_journal(at, rule, device, prio) WHERE rule <> '';
CREATE INDEX alarm_acks ON alarm_journal(at, ack_ms) WHERE ack_ms IS NOT NULL;
CREATE INDEX alarm_closes ON alarm_journal(at, close_ms) WHERE close_ms IS NOT NULL;

-- +goose Down
DROP INDEX alarm_raises;
DROP INDEX alarm_acks;
DROP INDEX alarm_closes;
ALTER TABLE alarm_journal DROP COLUMN rule;
ALTER TABLE alarm_journal DROP COLUMN device;
ALTER TABLE alarm_journal DROP COLUMN prio;
ALTER TABLE alarm_journal DROP COLUMN ack_ms;
ALTER TABLE alarm_journal DROP COLUMN close_ms;
DROP TABLE bad_actor;
DROP TABLE alarm_day;
DROP TABLE alarm_habit;
