-- +goose Up
-- Whom an alarm goes to next that nobody acknowledges: one ladder for an incident
-- and a policy, on the alarm that called first, or on the root.
CREATE TABLE alarm_escalation (
    alarm    TEXT PRIMARY KEY,
    incident TEXT NOT NULL,             -- when it began; incidents may merge
    policy   TEXT NOT NULL,
    base_at  INTEGER NOT NULL,          -- Unix ms: when the alarm called; steps count from here
    step     INTEGER NOT NULL,          -- how many have been taken, all rounds
    due_at   INTEGER                    -- of the next; NULL: all have been taken
);
CREATE INDEX alarm_escalation_due ON alarm_escalation(due_at) WHERE due_at IS NOT NULL;
CREATE INDEX alarm_escalation_incident ON alarm_escalation(incident, policy);

-- A ladder has ended: look whether another alarm of the incident is to go on.
CREATE TABLE alarm_escalation_look (
    incident TEXT NOT NULL,
    policy   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (incident, policy)
);

-- What people have changed of the policies that come with the hub, or added.
CREATE TABLE alarm_policy (
    name TEXT PRIMARY KEY,
    data TEXT NOT NULL                  -- JSON
);

-- +goose Down
DROP TABLE alarm_policy;
DROP TABLE alarm_escalation_look;
DROP TABLE alarm_escalation;
