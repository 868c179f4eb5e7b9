-- +goose Up
ALTER TABLE access_people ADD COLUMN kind TEXT NOT NULL DEFAULT 'resident'; -- resident, staff, courier, visitor, child
ALTER TABLE access_people ADD COLUMN host TEXT NOT NULL DEFAULT '';         -- of a visitor: whose guest
ALTER TABLE access_people ADD COLUMN escort TEXT NOT NULL DEFAULT '';       -- who must go along: nobody, household, staff, or a person's id
ALTER TABLE access_people ADD COLUMN child_until INTEGER NOT NULL DEFAULT 0; -- fourteenth birthday of a child; 0: not known
ALTER TABLE access_people ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;   -- name taken away, the record stays

CREATE TABLE access_households (
    id         TEXT PRIMARY KEY,
    unit       TEXT NOT NULL, -- zone of the stair; courts and buildings are the zones around it
    number     TEXT NOT NULL, -- 0302
    created_at INTEGER NOT NULL,
    UNIQUE (unit, number)
);
INSERT INTO access_households(id, unit, number, created_at)
    SELECT 'h-' || lower(hex(randomblob(8))), unit, household, min(created_at) FROM access_people WHERE household <> '' GROUP BY unit, household;

-- Who moved from where to where; receipt says what was ended.
CREATE TABLE access_moves (
    id             TEXT PRIMARY KEY,
    person         TEXT NOT NULL REFERENCES access_people(id),
    at             INTEGER NOT NULL,
    actor          TEXT NOT NULL,
    from_unit      TEXT NOT NULL,
    from_household TEXT NOT NULL,
    to_unit        TEXT NOT NULL, -- with to_household empty: moved out
    to_household   TEXT NOT NULL,
    receipt        TEXT NOT NULL
);
CREATE INDEX access_moves_person ON access_moves(person, at);

-- A guardian's yes to a child's credentials (PIPL, article 31).
CREATE TABLE access_consents (
    id       TEXT PRIMARY KEY,
    child    TEXT NOT NULL REFERENCES access_people(id),
    guardian TEXT NOT NULL REFERENCES access_people(id),
    given_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL DEFAULT 0,
    actor    TEXT NOT NULL
);
CREATE INDEX access_consents_child ON access_consents(child);

ALTER TABLE access_credentials ADD COLUMN class TEXT NOT NULL DEFAULT '';    -- card: uid, crypto; qr: fixed, rotating
ALTER TABLE access_credentials ADD COLUMN duress INTEGER NOT NULL DEFAULT 0; -- PIN that opens and calls for help
ALTER TABLE access_credentials ADD COLUMN max_uses INTEGER NOT NULL DEFAULT 0; -- at each door; 0: as often as wanted
ALTER TABLE access_credentials ADD COLUMN salt BLOB NOT NULL DEFAULT x'';    -- of a PIN
ALTER TABLE access_credentials ADD COLUMN tag INTEGER NOT NULL DEFAULT -1;   -- of a PIN: 8 bits of its hash without the salt; -1: from before
UPDATE access_credentials SET class = 'uid' WHERE type = 'card';
UPDATE access_credentials SET class = 'fixed' WHERE type = 'qr';

ALTER TABLE access_rights ADD COLUMN door_group TEXT NOT NULL DEFAULT ''; -- one of door, door_group and zone
ALTER TABLE access_rights ADD COLUMN first INTEGER NOT NULL DEFAULT 0;    -- opens the day at a door that waits for its first person
ALTER TABLE access_rights ADD COLUMN lockdown INTEGER NOT NULL DEFAULT 0; -- also holds while the door is locked down
CREATE INDEX access_rights_until ON access_rights(valid_to) WHERE ended_at = 0;

CREATE TABLE access_door_groups (
    name TEXT NOT NULL,
    door TEXT NOT NULL,
    PRIMARY KEY (name, door)
);

CREATE TABLE access_areas (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL -- name, passback, forget_s, by_contact
);

CREATE TABLE access_policies (
    door TEXT PRIMARY KEY,
    body TEXT NOT NULL -- what the door demands besides a right
);

CREATE TABLE access_calendar (
    day  TEXT PRIMARY KEY, -- 2026-10-01
    kind TEXT NOT NULL,    -- holiday, workday
    name TEXT NOT NULL
);

-- What the rules remember: of a door, who is in which area. A restart keeps it.
CREATE TABLE access_door_state (
    door TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
CREATE TABLE access_whereabouts (
    person TEXT PRIMARY KEY,
    area   TEXT NOT NULL,
    at     INTEGER NOT NULL
);
CREATE TABLE access_uses (
    credential TEXT NOT NULL,
    door       TEXT NOT NULL,
    used       INTEGER NOT NULL,
    PRIMARY KEY (credential, door)
);
CREATE TABLE access_tries (
    scope TEXT PRIMARY KEY,   -- door:door-e01-1, home:east/b01/u1/0302
    wrong INTEGER NOT NULL,   -- in a row
    level INTEGER NOT NULL,   -- how often it was locked lately
    until INTEGER NOT NULL,   -- no PIN before
    at    INTEGER NOT NULL    -- last wrong one
);
-- QR codes that were shown; one opens once.
CREATE TABLE access_nonces (
    nonce BLOB PRIMARY KEY,
    until INTEGER NOT NULL
);

-- What is still to be reported to the desk; the row goes when the journal has it.
CREATE TABLE access_reports (
    id     TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    type   TEXT NOT NULL,
    data   TEXT NOT NULL,
    at     INTEGER NOT NULL
);

-- A visitor's pass: the visitor is a person with a rotating code and rights of
-- its own; here stands what only a pass has.
CREATE TABLE access_passes (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES access_people(id), -- the visitor
    host       TEXT NOT NULL REFERENCES access_people(id),
    credential TEXT NOT NULL REFERENCES access_credentials(id),
    plate      TEXT NOT NULL,
    link       BLOB NOT NULL UNIQUE, -- SHA-256 of the link's token
    created_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL DEFAULT 0,
    ended_why  TEXT NOT NULL DEFAULT '' -- revoked, left, host_left
);
CREATE INDEX access_passes_host ON access_passes(host);
CREATE INDEX access_passes_person ON access_passes(person);

-- A phone that can prove itself (WebAuthn).
CREATE TABLE access_phones (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES access_people(id),
    name       TEXT NOT NULL,
    body       TEXT NOT NULL, -- public key and counter
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX access_phones_person ON access_phones(person);

-- What residents ask for: that their data be deleted.
CREATE TABLE access_erasures (
    id       TEXT PRIMARY KEY,
    person   TEXT NOT NULL REFERENCES access_people(id),
    asked_at INTEGER NOT NULL,
    note     TEXT NOT NULL,
    done_at  INTEGER NOT NULL DEFAULT 0,
    actor    TEXT NOT NULL DEFAULT '', -- who decided
    answer   TEXT NOT NULL DEFAULT ''
);

ALTER TABLE access_badges ADD COLUMN rung TEXT NOT NULL DEFAULT ''; -- where the door stood, when not controlled
ALTER TABLE access_badges ADD COLUMN pseudonym INTEGER NOT NULL DEFAULT 0;
CREATE INDEX access_badges_received ON access_badges(received_at) WHERE pseudonym = 0;

-- +goose Down
DROP INDEX access_badges_received;
ALTER TABLE access_badges DROP COLUMN pseudonym;
ALTER TABLE access_badges DROP COLUMN rung;
DROP TABLE access_erasures;
DROP TABLE access_phones;
DROP TABLE access_passes;
DROP TABLE access_reports;
DROP TABLE access_nonces;
DROP TABLE access_tries;
DROP TABLE access_uses;
DROP TABLE access_whereabouts;
DROP TABLE access_door_state;
DROP TABLE access_calendar;
DROP TABLE access_policies;
DROP TABLE access_areas;
DROP TABLE access_door_groups;
DROP INDEX access_rights_until;
ALTER TABLE access_rights DROP COLUMN lockdown;
ALTER TABLE access_rights DROP COLUMN first;
ALTER TABLE access_rights DROP COLUMN door_group;
ALTER TABLE access_credentials DROP COLUMN tag;
ALTER TABLE access_credentials DROP COLUMN salt;
ALTER TABLE access_credentials DROP COLUMN max_uses;
ALTER TABLE access_credentials DROP COLUMN duress;
ALTER TABLE access_credentials DROP COLUMN class;
DROP TABLE access_consents;
DROP TABLE access_moves;
DROP TABLE access_households;
ALTER TABLE access_people DROP COLUMN erased_at;
ALTER TABLE access_people DROP COLUMN child_until;
ALTER TABLE access_people DROP COLUMN escort;
ALTER TABLE access_people DROP COLUMN host;
ALTER TABLE access_people DROP COLUMN kind;
