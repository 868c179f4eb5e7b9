-- +goose Up
CREATE TABLE rule_state (
    rule   TEXT NOT NULL,
    device TEXT NOT NULL,
    part   TEXT NOT NULL,
    data   TEXT NOT NULL,
    PRIMARY KEY (rule, device, part)
);

-- +goose Down
DROP TABLE rule_state;
