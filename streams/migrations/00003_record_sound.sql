-- +goose Up
ALTER TABLE cameras ADD COLUMN record_sound INTEGER NOT NULL DEFAULT 0; -- its sound is recorded with its pictures

-- +goose Down
ALTER TABLE cameras DROP COLUMN record_sound;
