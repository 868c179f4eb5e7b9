-- +goose Up
-- What people are told, each by its key once.
CREATE TABLE notify_message (
    id          TEXT PRIMARY KEY,
    key         TEXT NOT NULL UNIQUE,
    subject_zh  TEXT NOT NULL,
    subject_en  TEXT NOT NULL,
    body_zh     TEXT NOT NULL,
    body_en     TEXT NOT NULL,
    priority    TEXT NOT NULL,
    life_safety INTEGER NOT NULL,
    alarm       TEXT NOT NULL,             -- '' for none
    cluster     TEXT NOT NULL,             -- messages of one cluster may go out as one letter
    created_at  INTEGER NOT NULL,          -- Unix ms, as all times here
    deadline    INTEGER NOT NULL
);

-- A message's way to one person by one channel.
CREATE TABLE notify_delivery (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    message     TEXT NOT NULL REFERENCES notify_message(id),
    account     TEXT NOT NULL,
    name        TEXT NOT NULL,             -- as it was then
    language    TEXT NOT NULL,             -- zh, en
    channel     TEXT NOT NULL,
    address     TEXT NOT NULL,
    urgency     INTEGER NOT NULL,          -- 0 life safety, then 1 critical … 4 low
    state       TEXT NOT NULL,             -- waiting sending sent failed expired duplicate
    letter      TEXT NOT NULL DEFAULT '',  -- id of the letter that it goes out in; '' in none yet
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER,                   -- last attempt
    ended_at    INTEGER,
    problem     TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX notify_delivery_once ON notify_delivery(message, account, channel, address);
CREATE INDEX notify_delivery_open ON notify_delivery(urgency, id) WHERE state IN ('waiting', 'sending');
CREATE INDEX notify_delivery_pace ON notify_delivery(channel, started_at) WHERE started_at IS NOT NULL;
CREATE INDEX notify_message_alarm ON notify_message(alarm) WHERE alarm <> '';

-- Where an account is reached beside the desk, and in which language.
CREATE TABLE notify_person (
    account  TEXT PRIMARY KEY,
    language TEXT NOT NULL
);
CREATE TABLE notify_contact (
    account TEXT NOT NULL,
    place   INTEGER NOT NULL,              -- order of the list
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (account, place)
);

-- +goose Down
DROP TABLE notify_contact;
DROP TABLE notify_person;
DROP TABLE notify_delivery;
DROP TABLE notify_message;
