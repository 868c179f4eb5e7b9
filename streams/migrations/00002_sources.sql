-- +goose Up
ALTER TABLE cameras ADD COLUMN transport TEXT NOT NULL DEFAULT 'auto'; -- auto, tcp, udp
ALTER TABLE cameras ADD COLUMN always_on INTEGER NOT NULL DEFAULT 0; -- pulled while nobody watches
ALTER TABLE cameras ADD COLUMN tls_fingerprint TEXT NOT NULL DEFAULT ''; -- SHA-256 of its certificate, hex
ALTER TABLE cameras ADD COLUMN onvif TEXT NOT NULL DEFAULT ''; -- device service, with user and password; never leaves the hub
ALTER TABLE cameras ADD COLUMN onvif_profile TEXT NOT NULL DEFAULT ''; -- token of the main stream's profile
ALTER TABLE cameras ADD COLUMN ptz INTEGER NOT NULL DEFAULT 0; -- it can be turned

-- +goose Down
ALTER TABLE cameras DROP COLUMN transport;
ALTER TABLE cameras DROP COLUMN always_on;
ALTER TABLE cameras DROP COLUMN tls_fingerprint;
ALTER TABLE cameras DROP COLUMN onvif;
ALTER TABLE cameras DROP COLUMN onvif_profile;
ALTER TABLE cameras DROP COLUMN ptz;
