DROP TABLE channel_turns;
DROP TABLE channel_member_overrides;
DROP TABLE channel_role_overrides;
