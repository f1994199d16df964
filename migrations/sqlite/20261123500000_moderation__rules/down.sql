DROP TABLE rule_sets;
DROP TABLE content_rules;
