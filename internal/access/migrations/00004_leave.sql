-- +goose Up
-- The pass ends when the visitor goes out; a pass for one opening always does.
ALTER TABLE access_passes ADD COLUMN leave INTEGER NOT NULL DEFAULT 0;
UPDATE access_passes SET leave = 1 WHERE credential IN (SELECT id FROM access_credentials WHERE max_uses = 1);

-- +goose Down
ALTER TABLE access_passes DROP COLUMN leave;
