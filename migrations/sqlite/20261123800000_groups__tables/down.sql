DROP TABLE group_joins;
DROP TABLE group_followers;
