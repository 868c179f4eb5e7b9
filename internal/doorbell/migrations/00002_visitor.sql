-- +goose Up
ALTER TABLE doorbell_calls ADD COLUMN visitor TEXT NOT NULL DEFAULT ''; -- whose pass was shown; empty: somebody rang

-- +goose Down
ALTER TABLE doorbell_calls DROP COLUMN visitor;
