-- +goose Up
-- What doors compare with what is shown to them while they are alone, sealed under
-- the key of the cards: first byte 0 the value, until it is stretched, 1 what came of it.
-- Empty for what never goes into a list, and for cards of before, until they are shown again.
ALTER TABLE access_credentials ADD COLUMN offline BLOB NOT NULL DEFAULT x'';
CREATE INDEX access_credentials_raw ON access_credentials(id) WHERE substr(offline, 1, 1) = x'00';

CREATE TABLE access_lists (
    door        TEXT PRIMARY KEY,
    version     INTEGER NOT NULL,
    root        TEXT NOT NULL,              -- hash of the entries, hex
    facts       BLOB NOT NULL,              -- hash of what the head says besides
    issued_at   INTEGER NOT NULL,
    have        INTEGER NOT NULL DEFAULT -1, -- what the door has said it has; -1: it has never spoken of lists
    have_root   TEXT NOT NULL DEFAULT '',
    have_issued INTEGER NOT NULL DEFAULT 0,
    old_since   INTEGER NOT NULL DEFAULT 0, -- 0: it has the newest
    fault       TEXT NOT NULL DEFAULT '',   -- why it refused one last
    fault_at    INTEGER NOT NULL DEFAULT 0
);

-- What was taken out of a list that the door may still go by.
CREATE TABLE access_list_gone (
    door    TEXT NOT NULL,
    key     BLOB NOT NULL,
    version INTEGER NOT NULL, -- the first without it
    at      INTEGER NOT NULL,
    good_to INTEGER NOT NULL, -- its own end; 0: none
    life    INTEGER NOT NULL, -- ms behind the issue of the list that has it
    PRIMARY KEY (door, key)
);

-- +goose Down
DROP TABLE access_list_gone;
DROP TABLE access_lists;
DROP INDEX access_credentials_raw;
ALTER TABLE access_credentials DROP COLUMN offline;
