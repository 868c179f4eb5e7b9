-- +goose Up
CREATE TABLE doors_states (
    door  TEXT PRIMARY KEY,
    state TEXT NOT NULL -- of the machine, JSON
);

-- What puts doors on a rung. A drill stands on none.
CREATE TABLE doors_causes (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,             -- hand, lockdown, fire
    rung     INTEGER NOT NULL,
    areas    TEXT NOT NULL,             -- JSON list of zones and door:ID
    plan     TEXT NOT NULL DEFAULT '',
    drill    INTEGER NOT NULL DEFAULT 0,
    source   TEXT NOT NULL DEFAULT '',  -- door whose fire input it was
    actor    TEXT NOT NULL,
    by_name  TEXT NOT NULL DEFAULT '', -- of the actor, as it was then
    reason   TEXT NOT NULL,
    began_at INTEGER NOT NULL,          -- Unix ms, as all times here
    until    INTEGER NOT NULL DEFAULT 0, -- 0: until somebody ends it
    ended_at INTEGER NOT NULL DEFAULT 0, -- 0: it stands
    ended_by TEXT NOT NULL DEFAULT '',
    idem_key TEXT
);
CREATE UNIQUE INDEX doors_causes_key ON doors_causes(actor, idem_key);
CREATE INDEX doors_causes_open ON doors_causes(ended_at);

-- What became of a cause at each door.
CREATE TABLE doors_proofs (
    cause TEXT NOT NULL REFERENCES doors_causes(id),
    door  TEXT NOT NULL,
    state TEXT NOT NULL, -- sent, confirmed, failed, offline, would
    at    INTEGER NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (cause, door)
);

CREATE TABLE doors_plans (
    id      TEXT PRIMARY KEY,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    areas   TEXT NOT NULL,
    rung    INTEGER NOT NULL
);

-- Hours in which a door is free.
CREATE TABLE doors_hours (
    door     TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    first_in INTEGER NOT NULL DEFAULT 0 -- free only after the first who was let in
);

-- +goose Down
DROP TABLE doors_hours;
DROP TABLE doors_plans;
DROP TABLE doors_proofs;
DROP TABLE doors_causes;
DROP TABLE doors_states;
