-- +goose Up
CREATE TABLE device_zones (
    id      TEXT PRIMARY KEY,          -- path: east/b01/u1
    kind    TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    parent  TEXT NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, w REAL NOT NULL, h REAL NOT NULL -- metres on the plan
);

CREATE TABLE devices (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    zone       TEXT NOT NULL,
    labels     TEXT NOT NULL,          -- JSON object
    x REAL NOT NULL, y REAL NOT NULL,  -- metres on the plan
    secret     BLOB NOT NULL,          -- SHA-256, never the secret
    created_at INTEGER NOT NULL,       -- Unix ms, as all times
    updated_at INTEGER NOT NULL
);

-- What the device last said of itself. Values stand apart because they change
-- far more often than the rest and are long for a charger.
CREATE TABLE device_twins (
    device      TEXT PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE,
    online      INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,      -- 0: never
    fw          TEXT NOT NULL,
    boot        TEXT NOT NULL,
    health      TEXT NOT NULL,
    state       TEXT NOT NULL,         -- JSON object, '' for none
    state_at    INTEGER NOT NULL,
    boots       TEXT NOT NULL,         -- JSON: newest boots with last event number and gaps
    quarantined INTEGER NOT NULL
);

CREATE TABLE device_values (
    device TEXT PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE,
    vals   TEXT NOT NULL               -- JSON: part, metric, value with time
);

CREATE TABLE device_commands (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    device     TEXT NOT NULL,          -- stays when the device goes: it is the audit
    type       TEXT NOT NULL,
    args       TEXT NOT NULL,          -- JSON object
    at         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status     TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,       -- 0: never sent
    error      TEXT NOT NULL,
    data       TEXT NOT NULL,          -- JSON object of the reply, '' for none
    actor      TEXT NOT NULL,          -- who: a login, or the room that acted
    ref        TEXT NOT NULL,          -- for what: an alarm, a badge event …
    idem_key   TEXT                    -- NULL: none given
);
CREATE UNIQUE INDEX device_commands_key ON device_commands(actor, idem_key);
CREATE INDEX device_commands_device ON device_commands(device, seq);
CREATE INDEX device_commands_open ON device_commands(status, expires_at);

-- +goose Down
DROP TABLE device_commands;
DROP TABLE device_values;
DROP TABLE device_twins;
DROP TABLE devices;
DROP TABLE device_zones;
