-- +goose Up
CREATE TABLE clips (
    id       TEXT PRIMARY KEY,
    key      TEXT NOT NULL UNIQUE, -- of who asked: the same key is the same clip
    camera   TEXT NOT NULL,
    alarm    TEXT NOT NULL,
    state    TEXT NOT NULL,
    ended_at INTEGER NOT NULL, -- Unix ms; 0: it is being recorded
    data     TEXT NOT NULL,    -- JSON of the clip as it is told
    manifest TEXT NOT NULL     -- signed; '' until it has ended
);

CREATE INDEX clips_camera ON clips (camera, id);

CREATE INDEX clips_alarm ON clips (alarm, id);

CREATE INDEX clips_state ON clips (state);

-- Which files a clip's fragments lie in; several clips may share one.
CREATE TABLE clip_reels (
    clip   TEXT NOT NULL,
    camera TEXT NOT NULL, -- its folder
    reel   TEXT NOT NULL,
    PRIMARY KEY (clip, reel)
);

CREATE INDEX clip_reels_reel ON clip_reels (camera, reel);

-- +goose Down
DROP TABLE clip_reels;

DROP TABLE clips;
