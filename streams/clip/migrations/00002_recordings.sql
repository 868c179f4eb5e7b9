-- +goose Up
-- A clip that is kept is deleted by nobody but a person.
ALTER TABLE clips ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;

-- Reels of cameras that are recorded all the time. A file that is not in here belongs
-- to clips only.
CREATE TABLE recordings (
    camera  TEXT NOT NULL, -- its folder
    reel    TEXT NOT NULL,
    from_ms INTEGER NOT NULL, -- Unix ms, by the server's clock
    to_ms   INTEGER NOT NULL, -- 0: it is being written, or was when the hub broke off
    bytes   INTEGER NOT NULL,
    data    TEXT NOT NULL, -- JSON: gaps within, chain of hashes, signature
    PRIMARY KEY (camera, reel)
);

CREATE INDEX recordings_time ON recordings (camera, from_ms);

CREATE INDEX recordings_age ON recordings (from_ms);

-- When a camera's recording began (code '') and why it stopped.
CREATE TABLE recording_marks (
    camera TEXT NOT NULL,
    at     INTEGER NOT NULL, -- Unix ms
    code   TEXT NOT NULL,
    PRIMARY KEY (camera, at)
);

-- What was set for a camera, and up to when its recordings were deleted.
CREATE TABLE recording_cameras (
    camera TEXT PRIMARY KEY,
    pruned INTEGER NOT NULL, -- Unix ms
    data   TEXT NOT NULL     -- JSON of the setting; '' follows the configuration
);

-- +goose Down
DROP TABLE recording_cameras;

DROP TABLE recording_marks;

DROP TABLE recordings;

ALTER TABLE clips DROP COLUMN kept;
