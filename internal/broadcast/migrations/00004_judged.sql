-- +goose Up
-- Without it each look at what is open reads all that ever was.
CREATE INDEX broadcasts_judged ON broadcasts(judged) WHERE judged = 0;

-- +goose Down
DROP INDEX broadcasts_judged;
