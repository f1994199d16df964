DROP TABLE domain_settings;
DROP TABLE domain_policies;
