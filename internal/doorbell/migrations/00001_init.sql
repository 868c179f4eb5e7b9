-- +goose Up
CREATE TABLE doorbell_calls (
    id          TEXT PRIMARY KEY,
    door        TEXT NOT NULL,
    event       TEXT NOT NULL,               -- id of the door's ring
    door_name   TEXT NOT NULL,
    unit        TEXT NOT NULL,               -- home that was rung: zone of the stair
    flat        TEXT NOT NULL,               -- and its number
    camera      TEXT NOT NULL DEFAULT '',    -- empty: none sees the door
    rung_at     INTEGER NOT NULL,            -- Unix ms, as all times here
    until       INTEGER NOT NULL,            -- nothing of it lasts longer
    state       TEXT NOT NULL,               -- ringing, answered, opened, refused, ended, missed
    answered_by TEXT NOT NULL DEFAULT '',    -- person
    answered_at INTEGER NOT NULL DEFAULT 0,
    ended_at    INTEGER NOT NULL DEFAULT 0,  -- 0: goes on
    UNIQUE (door, event)
);
CREATE INDEX doorbell_calls_open ON doorbell_calls(door) WHERE ended_at = 0;
CREATE INDEX doorbell_calls_rung ON doorbell_calls(rung_at);

-- Who lived there when it rang: nobody else sees the call, who moves in later neither.
CREATE TABLE doorbell_rung (
    call   TEXT NOT NULL REFERENCES doorbell_calls(id) ON DELETE CASCADE,
    person TEXT NOT NULL,
    PRIMARY KEY (call, person)
);
CREATE INDEX doorbell_rung_person ON doorbell_rung(person);

-- +goose Down
DROP TABLE doorbell_rung;
DROP TABLE doorbell_calls;
