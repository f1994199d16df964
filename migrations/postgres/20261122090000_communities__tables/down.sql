DROP TABLE community_member_roles;
DROP TABLE community_members;
DROP TABLE community_roles;
DROP TABLE communities;
