DROP TABLE message_tombstones;
DROP TABLE message_recipients;
DROP TABLE messages;
