-- +goose Up
CREATE TABLE access_meta (
    name  TEXT PRIMARY KEY, -- card_key, seed
    value BLOB NOT NULL
);

CREATE TABLE access_people (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    unit       TEXT NOT NULL DEFAULT '', -- zone of the stair: east/b01/u1
    household  TEXT NOT NULL DEFAULT '', -- 0302
    created_at INTEGER NOT NULL,         -- Unix ms, as all times here
    left_at    INTEGER NOT NULL DEFAULT 0 -- moved out: no right from then on; 0 lives here
);
CREATE INDEX access_people_unit ON access_people(unit);

CREATE TABLE access_members (
    person TEXT NOT NULL REFERENCES access_people(id),
    grp    TEXT NOT NULL,
    PRIMARY KEY (person, grp)
);

CREATE TABLE access_credentials (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES access_people(id),
    type       TEXT NOT NULL,               -- card, pin, qr, mobile
    mac        BLOB NOT NULL,               -- HMAC of type and value
    last4      TEXT NOT NULL DEFAULT '',
    valid_from INTEGER NOT NULL DEFAULT 0,
    valid_to   INTEGER NOT NULL DEFAULT 0,  -- 0: no end
    created_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL DEFAULT 0,  -- 0: good
    lost       INTEGER NOT NULL DEFAULT 0   -- revoked because lost or stolen
);
CREATE INDEX access_credentials_person ON access_credentials(person);
-- A value opens for one person only; a revoked card may be given out again.
CREATE UNIQUE INDEX access_credentials_mac ON access_credentials(mac) WHERE revoked_at = 0;

CREATE TABLE access_rights (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL DEFAULT '', -- one of person and grp
    grp        TEXT NOT NULL DEFAULT '',
    door       TEXT NOT NULL DEFAULT '', -- one of door and zone
    zone       TEXT NOT NULL DEFAULT '',
    schedule   TEXT NOT NULL,
    valid_from INTEGER NOT NULL DEFAULT 0,
    valid_to   INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL DEFAULT 0 -- taken away
);
CREATE INDEX access_rights_person ON access_rights(person);
CREATE INDEX access_rights_grp ON access_rights(grp);

CREATE TABLE access_badges (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL, -- door clock
    received_at INTEGER NOT NULL, -- hub clock
    seq         INTEGER NOT NULL, -- in the journal; 0 for openings from desk and phone
    event       TEXT NOT NULL,    -- event id, or the reference of the opening
    door        TEXT NOT NULL,
    door_name   TEXT NOT NULL,
    zone        TEXT NOT NULL,
    person      TEXT NOT NULL,
    person_name TEXT NOT NULL,
    unit        TEXT NOT NULL,
    credential  TEXT NOT NULL,
    type        TEXT NOT NULL,
    last4       TEXT NOT NULL,
    side        TEXT NOT NULL,
    decision    TEXT NOT NULL, -- granted, denied, unanswered
    reason      TEXT NOT NULL,
    decided_by  TEXT NOT NULL, -- hub, door, desk, app
    actor       TEXT NOT NULL,
    note        TEXT NOT NULL,
    late        INTEGER NOT NULL,
    flag        TEXT NOT NULL,
    UNIQUE (door, event)
);
CREATE INDEX access_badges_door ON access_badges(door, id);
CREATE INDEX access_badges_person ON access_badges(person, id);

-- +goose Down
DROP TABLE access_badges;
DROP TABLE access_rights;
DROP TABLE access_credentials;
DROP TABLE access_members;
DROP TABLE access_people;
DROP TABLE access_meta;
