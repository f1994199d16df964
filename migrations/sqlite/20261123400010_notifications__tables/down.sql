DROP TABLE notification_preferences;
DROP TABLE notification_marks;
DROP TABLE channel_calls;
DROP TABLE notifications;
