DROP TABLE invites;
DROP TABLE token_keys;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE credentials;
