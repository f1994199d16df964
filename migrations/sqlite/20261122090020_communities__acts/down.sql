DROP TABLE community_acts;
