DROP TABLE said_digests;
