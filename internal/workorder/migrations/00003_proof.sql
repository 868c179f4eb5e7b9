-- +goose Up
-- What is repaired besides the device of the order, the part of it, and until when
-- its own meter may show that the repair holds.
ALTER TABLE work_orders ADD COLUMN part TEXT NOT NULL DEFAULT '';
ALTER TABLE work_orders ADD COLUMN devices TEXT NOT NULL DEFAULT '[]'; -- JSON list of ids
ALTER TABLE work_orders ADD COLUMN check_until INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE work_orders DROP COLUMN check_until;
ALTER TABLE work_orders DROP COLUMN devices;
ALTER TABLE work_orders DROP COLUMN part;
