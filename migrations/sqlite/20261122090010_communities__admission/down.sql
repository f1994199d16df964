DROP TABLE community_invites;
DROP TABLE community_bans;
