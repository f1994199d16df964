DROP TABLE external_states;
DROP TABLE external_sessions;
DROP TABLE external_identities;
