DROP TABLE deletion_confirmations;
DROP TABLE account_deletions;
