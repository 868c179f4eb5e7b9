-- +goose Up
-- For whose screens an entry is; '' for everyone who may read its topic.
ALTER TABLE feed ADD COLUMN account TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE feed DROP COLUMN account;
