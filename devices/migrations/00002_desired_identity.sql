-- +goose Up
-- What the journal last heard of the device's presence, so that a loss is told
-- once even when the hub dies in between.
ALTER TABLE device_twins ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
UPDATE device_twins SET told = online;

ALTER TABLE devices ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN secret_old BLOB;                       -- SHA-256 of the secret before, while both are good
ALTER TABLE devices ADD COLUMN secret_old_until INTEGER NOT NULL DEFAULT 0; -- 0: the old one is no longer good

-- What the device is wanted to be.
CREATE TABLE device_desired (
    device     TEXT PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE,
    version    INTEGER NOT NULL,       -- from 1, one more with every change
    desired    TEXT NOT NULL,          -- JSON object
    actor      TEXT NOT NULL,
    updated_at INTEGER NOT NULL
);

-- Certificates of the hub's own authority; rows stay when the device goes, so
-- that no serial is ever good again.
CREATE TABLE device_certificates (
    serial     TEXT PRIMARY KEY,       -- hexadecimal
    device     TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    revoked_at INTEGER NOT NULL        -- 0: good
);
CREATE INDEX device_certificates_device ON device_certificates(device, issued_at);

-- +goose Down
DROP TABLE device_certificates;
DROP TABLE device_desired;
ALTER TABLE devices DROP COLUMN secret_old_until;
ALTER TABLE devices DROP COLUMN secret_old;
ALTER TABLE devices DROP COLUMN disabled;
ALTER TABLE device_twins DROP COLUMN told;
