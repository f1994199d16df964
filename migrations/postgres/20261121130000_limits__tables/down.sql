DROP TABLE address_violations;
DROP TABLE blocked_addresses;
DROP TABLE rate_limits;
