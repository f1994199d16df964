DROP TABLE message_previews;
DROP TABLE previews;
