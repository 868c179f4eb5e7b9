-- +goose Up
ALTER TABLE alarm ADD COLUMN told_at INTEGER;                  -- when it asked for a person; NULL: nobody was told since it began
ALTER TABLE alarm ADD COLUMN quiet_at INTEGER;                 -- due: when a chattering condition is taken to have ended
ALTER TABLE alarm ADD COLUMN spot TEXT NOT NULL DEFAULT '';    -- the incident's place: zone or device
ALTER TABLE alarm ADD COLUMN leads INTEGER NOT NULL DEFAULT 0; -- others of the incident come from it
ALTER TABLE alarm ADD COLUMN led INTEGER NOT NULL DEFAULT 0;   -- it comes from another of the incident
UPDATE alarm SET told_at = last_at WHERE closed_at IS NULL;

CREATE INDEX alarm_incident ON alarm(incident);
CREATE INDEX alarm_zone ON alarm(zone) WHERE closed_at IS NULL;
CREATE INDEX alarm_closed ON alarm(closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX alarm_realarm ON alarm(realarm_at) WHERE realarm_at IS NOT NULL;
CREATE INDEX alarm_shelved ON alarm(shelved_until) WHERE shelved_until IS NOT NULL;
CREATE INDEX alarm_quiet ON alarm(quiet_at) WHERE quiet_at IS NOT NULL;

-- Alarms with one cause, place and time. What is shown is its root's.
CREATE TABLE incident (
    id          TEXT PRIMARY KEY,
    seq         INTEGER NOT NULL,
    cause       TEXT NOT NULL,
    spot        TEXT NOT NULL,
    root        TEXT NOT NULL,                -- alarm
    root_rank   TEXT NOT NULL,                -- JSON: what another root would have to beat
    rule        TEXT NOT NULL,
    device      TEXT NOT NULL,
    device_name TEXT NOT NULL,
    zone        TEXT NOT NULL,
    zone_name_zh TEXT NOT NULL,
    zone_name_en TEXT NOT NULL,
    title_zh    TEXT NOT NULL,
    title_en    TEXT NOT NULL,
    proc_card   TEXT NOT NULL,
    cameras     TEXT NOT NULL,                -- JSON list
    priority    TEXT NOT NULL,                -- the highest of those open
    prio_rank   INTEGER NOT NULL,
    state       TEXT NOT NULL,
    life_safety INTEGER NOT NULL,
    silent      INTEGER NOT NULL,
    drill       INTEGER NOT NULL,
    tally       TEXT NOT NULL,                -- JSON: how many are what
    raised_at   INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,             -- a member was raised
    told_at     INTEGER,                      -- annunciated last
    acked_at    INTEGER,
    acked_by    TEXT NOT NULL,
    closed_at   INTEGER,
    merged_into TEXT NOT NULL,
    assignee    TEXT NOT NULL,
    assignee_id TEXT NOT NULL
);
CREATE INDEX incident_closed ON incident(closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX incident_queue ON incident(life_safety DESC, prio_rank, id DESC) WHERE closed_at IS NULL;
CREATE INDEX incident_spot ON incident(cause, spot, drill) WHERE closed_at IS NULL;
CREATE INDEX incident_device ON incident(device, drill) WHERE closed_at IS NULL;

-- What happened to an incident as a whole; its members' journals are the rest.
CREATE TABLE incident_journal (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL REFERENCES incident(id),
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    name     TEXT NOT NULL,
    what     TEXT NOT NULL,
    note     TEXT NOT NULL
);
CREATE INDEX incident_journal_incident ON incident_journal(incident, id);

-- Each time that the operators were called. What a flood held back made no sound.
CREATE TABLE annunciation (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    incident  TEXT NOT NULL,
    alarm     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    prio      INTEGER NOT NULL,               -- 1 critical … 4 low
    operators INTEGER NOT NULL,               -- on duty
    held      INTEGER NOT NULL
);
CREATE INDEX annunciation_at ON annunciation(at, held, prio, operators);

-- For the day when an alarm is old enough to go.
CREATE INDEX alarm_outbox_alarm ON alarm_outbox(alarm);

CREATE TABLE alarm_flood (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    began_at      INTEGER NOT NULL,
    ended_at      INTEGER,
    peak          INTEGER NOT NULL,           -- annunciations in ten minutes
    annunciations INTEGER NOT NULL,
    held          INTEGER NOT NULL
);
CREATE INDEX alarm_flood_began ON alarm_flood(began_at);

-- +goose Down
DROP TABLE alarm_flood;
DROP INDEX alarm_outbox_alarm;
DROP TABLE annunciation;
DROP TABLE incident_journal;
DROP TABLE incident;
DROP INDEX alarm_incident;
DROP INDEX alarm_zone;
DROP INDEX alarm_closed;
DROP INDEX alarm_realarm;
DROP INDEX alarm_shelved;
DROP INDEX alarm_quiet;
ALTER TABLE alarm DROP COLUMN told_at;
ALTER TABLE alarm DROP COLUMN quiet_at;
ALTER TABLE alarm DROP COLUMN spot;
ALTER TABLE alarm DROP COLUMN leads;
ALTER TABLE alarm DROP COLUMN led;
