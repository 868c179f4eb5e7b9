-- +goose Up
CREATE TABLE musters (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    area     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    drill    INTEGER NOT NULL DEFAULT 0,
    actor    TEXT NOT NULL,
    by_name  TEXT NOT NULL DEFAULT '',
    began_at INTEGER NOT NULL,          -- Unix ms, as all times here
    ended_at INTEGER NOT NULL DEFAULT 0,
    ended_by TEXT NOT NULL DEFAULT '',
    idem_key TEXT
);
CREATE UNIQUE INDEX musters_key ON musters(actor, idem_key);

CREATE TABLE muster_people (
    muster    TEXT NOT NULL REFERENCES musters(id),
    person    TEXT NOT NULL,
    name      TEXT NOT NULL,
    unit      TEXT NOT NULL,
    flat      TEXT NOT NULL,
    basis     TEXT NOT NULL,             -- inside, home, out
    essential INTEGER NOT NULL,          -- stays because of the work; not counted
    seen_at   INTEGER NOT NULL,
    seen_door TEXT NOT NULL,
    state     TEXT NOT NULL DEFAULT '',  -- safe, missing, away; empty: not looked at
    marked_at INTEGER NOT NULL DEFAULT 0,
    marked_by TEXT NOT NULL DEFAULT '',
    note      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (muster, person)
);

-- +goose Down
DROP TABLE muster_people;
DROP TABLE musters;
