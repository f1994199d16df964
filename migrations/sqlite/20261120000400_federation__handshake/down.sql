DROP TABLE node_sessions;
DROP TABLE node_challenges;
