DROP TABLE message_forwards;
