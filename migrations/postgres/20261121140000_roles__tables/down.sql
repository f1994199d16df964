DROP TABLE user_roles;
DROP TABLE role_privileges;
DROP TABLE roles;
