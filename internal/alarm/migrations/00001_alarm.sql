-- +goose Up
CREATE TABLE alarm (
    id           TEXT PRIMARY KEY,
    seq          INTEGER NOT NULL,           -- place in the feed of the last change
    rule         TEXT NOT NULL,
    device       TEXT NOT NULL,
    part         TEXT NOT NULL,
    zone         TEXT NOT NULL,
    device_name  TEXT NOT NULL,
    kind         TEXT NOT NULL,
    priority     TEXT NOT NULL,
    prio_rank    INTEGER NOT NULL,           -- 1 critical … 4 low
    state        TEXT NOT NULL,
    title_zh     TEXT NOT NULL,
    title_en     TEXT NOT NULL,
    active       INTEGER NOT NULL,           -- the condition holds
    latched      INTEGER NOT NULL,
    silent       INTEGER NOT NULL,
    measured     INTEGER NOT NULL,
    late         INTEGER NOT NULL,
    proc_card    TEXT NOT NULL,
    cameras      TEXT NOT NULL,              -- JSON list
    evidence     TEXT NOT NULL,              -- JSON of the event
    times        INTEGER NOT NULL,           -- how often it was raised
    raised_at    INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    acked_at     INTEGER,
    acked_by     TEXT NOT NULL DEFAULT '',
    returned_at  INTEGER,
    closed_at    INTEGER,
    closed_by    TEXT NOT NULL DEFAULT '',
    close_reason TEXT NOT NULL DEFAULT '',
    assignee     TEXT NOT NULL DEFAULT '',
    assignee_id  TEXT NOT NULL DEFAULT '',
    incident     TEXT NOT NULL DEFAULT ''
);
-- One open alarm per rule, device and part.
CREATE UNIQUE INDEX alarm_open ON alarm(rule, device, part) WHERE closed_at IS NULL;
CREATE INDEX alarm_queue ON alarm(prio_rank, id) WHERE closed_at IS NULL;
CREATE INDEX alarm_device ON alarm(device, id);

-- Who did what, and when; rows are only ever added.
CREATE TABLE alarm_journal (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm    TEXT NOT NULL REFERENCES alarm(id),
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,                  -- account id, or hub
    name     TEXT NOT NULL,                  -- as it was then
    what     TEXT NOT NULL,
    note     TEXT NOT NULL
);
CREATE INDEX alarm_journal_alarm ON alarm_journal(alarm, id);
CREATE INDEX alarm_journal_at ON alarm_journal(what, at);

-- What is to be carried out, written with the alarm's change itself.
CREATE TABLE alarm_outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm      TEXT NOT NULL REFERENCES alarm(id),
    action     TEXT NOT NULL,                -- JSON
    state      TEXT NOT NULL,                -- pending claimed done failed expired
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,             -- not before
    deadline   INTEGER,                      -- not after
    attempts   INTEGER NOT NULL DEFAULT 0,
    ended_at   INTEGER,
    result     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX alarm_outbox_open ON alarm_outbox(due_at) WHERE state IN ('pending', 'claimed');

-- +goose Down
DROP TABLE alarm_outbox;
DROP TABLE alarm_journal;
DROP TABLE alarm;
