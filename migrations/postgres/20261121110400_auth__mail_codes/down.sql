DROP TABLE reset_requests;
DROP TABLE mail_codes;
DROP TABLE confirmed_emails;
