-- +goose Up
ALTER TABLE broadcasts ADD COLUMN two_way INTEGER NOT NULL DEFAULT 0; -- the loudspeaker's microphone is heard by who speaks

-- +goose Down
ALTER TABLE broadcasts DROP COLUMN two_way;
