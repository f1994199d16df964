DROP TABLE profile_announcements;
