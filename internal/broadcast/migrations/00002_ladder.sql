-- +goose Up
ALTER TABLE broadcasts ADD COLUMN live TEXT NOT NULL DEFAULT '';           -- id of the microphone
ALTER TABLE broadcasts ADD COLUMN recording TEXT NOT NULL DEFAULT '';      -- uploaded sound, '' for a text
ALTER TABLE broadcasts ADD COLUMN program TEXT NOT NULL DEFAULT '';        -- file with what goes out once, '' for none
ALTER TABLE broadcasts ADD COLUMN length_ms INTEGER NOT NULL DEFAULT 0;    -- with all repeats; 0: not known
ALTER TABLE broadcasts ADD COLUMN interrupted TEXT NOT NULL DEFAULT 'resume';
ALTER TABLE broadcasts ADD COLUMN at_night INTEGER NOT NULL DEFAULT 0;
ALTER TABLE broadcasts ADD COLUMN until INTEGER NOT NULL DEFAULT 0;        -- when its turn is of no use any more
ALTER TABLE broadcasts ADD COLUMN stopped_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE broadcasts ADD COLUMN stopped_by TEXT NOT NULL DEFAULT '';
ALTER TABLE broadcasts ADD COLUMN judged INTEGER NOT NULL DEFAULT 1;       -- 0: whether enough of it played is not known yet

ALTER TABLE broadcast_nodes ADD COLUMN position INTEGER NOT NULL DEFAULT 0; -- ms that were heard
ALTER TABLE broadcast_nodes ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;     -- how often it was told to play
ALTER TABLE broadcast_nodes ADD COLUMN path TEXT NOT NULL DEFAULT '';       -- how the sound goes there
ALTER TABLE broadcast_nodes ADD COLUMN tell TEXT NOT NULL DEFAULT '';       -- play or stop: to be commanded
ALTER TABLE broadcast_nodes ADD COLUMN told INTEGER NOT NULL DEFAULT 0;     -- when it was
ALTER TABLE broadcast_nodes ADD COLUMN due INTEGER NOT NULL DEFAULT 0;      -- of the beginning; 0: it is not its turn
ALTER TABLE broadcast_nodes ADD COLUMN began INTEGER NOT NULL DEFAULT 0;    -- heard first
ALTER TABLE broadcast_nodes ADD COLUMN level_db REAL NOT NULL DEFAULT 0;    -- as it reported
UPDATE broadcast_nodes SET tell = 'play', due = (SELECT deadline FROM broadcasts WHERE id = broadcast) WHERE state = 'queued' AND command = '';
UPDATE broadcast_nodes SET due = (SELECT deadline FROM broadcasts WHERE id = broadcast), turn = 1 WHERE state IN ('queued', 'accepted', 'playing') AND command <> '';
CREATE INDEX broadcast_nodes_tell ON broadcast_nodes(tell) WHERE tell <> '';
CREATE INDEX broadcast_nodes_device ON broadcast_nodes(device, state);

CREATE TABLE broadcast_recordings (
    id     TEXT PRIMARY KEY, -- SHA-256 of the sound
    name   TEXT NOT NULL,
    length INTEGER NOT NULL, -- ms
    actor  TEXT NOT NULL,
    at     INTEGER NOT NULL
);

CREATE TABLE broadcast_schedules (
    id     TEXT PRIMARY KEY,
    body   TEXT NOT NULL,    -- JSON
    last   INTEGER NOT NULL  -- the last moment that was carried out or passed over, Unix ms
);

-- +goose Down
DROP TABLE broadcast_schedules;
DROP TABLE broadcast_recordings;
DROP INDEX broadcast_nodes_device;
DROP INDEX broadcast_nodes_tell;
