-- +goose Up
-- What sessions have taught of a battery; subject is battery:ID or user:ID.
CREATE TABLE charger_batteries (
    subject   TEXT PRIMARY KEY,
    energy_wh REAL NOT NULL DEFAULT 0, -- most that went in with a decline at the end
    peak_w    REAL NOT NULL DEFAULT 0,
    seen_at   INTEGER NOT NULL          -- Unix ms, as all times here
);

-- Sessions that ended abnormal.
CREATE TABLE charger_findings (
    subject TEXT NOT NULL,
    device  TEXT NOT NULL,
    part    TEXT NOT NULL,
    began   INTEGER NOT NULL,
    codes   TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (subject, device, part, began)
);

-- Who may not charge until somebody has looked.
CREATE TABLE charger_suspects (
    subject    TEXT PRIMARY KEY,
    why        TEXT NOT NULL,
    at         INTEGER NOT NULL,
    cleared_at INTEGER NOT NULL DEFAULT 0,
    cleared_by TEXT NOT NULL DEFAULT '',
    note       TEXT NOT NULL DEFAULT ''
);
