-- +goose Up
-- One row is one event, in the order of acknowledgement. Times are Unix ms UTC.
CREATE TABLE journal (
    seq         INTEGER PRIMARY KEY, -- given by the hub, without gaps
    device      TEXT    NOT NULL,
    id          TEXT    NOT NULL,    -- the device's name for it
    kind        TEXT    NOT NULL,
    zone        TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    part        TEXT    NOT NULL,
    boot        TEXT    NOT NULL,
    boot_seq    INTEGER NOT NULL,
    at          INTEGER NOT NULL,    -- clock of the device
    received_at INTEGER NOT NULL,    -- clock of the hub
    late        INTEGER NOT NULL,    -- 0 or 1
    data        TEXT    NOT NULL     -- one JSON object
);

-- A device may send an event again until it hears the acknowledgement: the
-- same (device, id) is the same event. Other channels have no ids of their own.
CREATE UNIQUE INDEX journal_event ON journal (device, id) WHERE channel = 'event';
CREATE INDEX journal_device ON journal (device, channel, seq);
CREATE INDEX journal_type ON journal (channel, type, seq) WHERE channel = 'event';
CREATE INDEX journal_events ON journal (channel, seq) WHERE channel = 'event';
CREATE INDEX journal_quarantine ON journal (channel, seq) WHERE channel = 'quarantine';

-- +goose Down
DROP TABLE journal;
