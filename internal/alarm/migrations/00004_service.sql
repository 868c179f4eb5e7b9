-- +goose Up
-- 停用: alarms of a device, a zone or a rule that nobody is to be called for.
CREATE TABLE out_of_service (
    id         TEXT PRIMARY KEY,
    device     TEXT NOT NULL,
    zone       TEXT NOT NULL,
    rule       TEXT NOT NULL,
    until      INTEGER NOT NULL,              -- due
    reason     TEXT NOT NULL,
    by_id      TEXT NOT NULL,
    by_name    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,
    ended_by   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX out_of_service_standing ON out_of_service(until) WHERE ended_at IS NULL;

-- +goose Down
DROP TABLE out_of_service;
