-- +goose Up
CREATE TABLE charging_sessions (
    id          TEXT PRIMARY KEY,
    device      TEXT NOT NULL,
    part        TEXT NOT NULL,
    person      TEXT NOT NULL,
    battery     TEXT NOT NULL DEFAULT '',
    idem_key    TEXT,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL DEFAULT '',  -- why it ended
    deposit     INTEGER NOT NULL,          -- fen, as all money here; 0: paid afterwards
    rate_power  INTEGER NOT NULL,          -- 0.0001 yuan per kWh, when it began
    rate_service INTEGER NOT NULL,
    asked_at    INTEGER NOT NULL,          -- Unix ms, as all times here
    started_at  INTEGER NOT NULL DEFAULT 0,
    ended_at    INTEGER NOT NULL DEFAULT 0,
    cut_at      INTEGER NOT NULL DEFAULT 0, -- cut for safety
    counter     INTEGER NOT NULL DEFAULT 0, -- mWh that the meter last told
    counted_at  INTEGER NOT NULL DEFAULT 0, -- of the cabinet's clock
    used        INTEGER NOT NULL DEFAULT 0, -- mWh
    electricity INTEGER NOT NULL DEFAULT 0,
    service     INTEGER NOT NULL DEFAULT 0,
    refund      INTEGER NOT NULL DEFAULT 0,
    due         INTEGER NOT NULL DEFAULT 0, -- still to be paid
    command     TEXT NOT NULL DEFAULT '',
    flags       TEXT NOT NULL DEFAULT '',   -- what was wrong with the meter
    tries       INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (device, part, id),
    UNIQUE (person, idem_key)
);
CREATE INDEX charging_open ON charging_sessions(state, next_at);
CREATE INDEX charging_port ON charging_sessions(device, part, state);
CREATE INDEX charging_person ON charging_sessions(person, asked_at);

-- What a resident is told about charging.
CREATE TABLE charging_notices (
    id      TEXT PRIMARY KEY,
    person  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    text_zh TEXT NOT NULL,
    text_en TEXT NOT NULL
);
