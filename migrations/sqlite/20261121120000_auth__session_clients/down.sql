-- Without its kind a session would be a sign-in of the member.
DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE kind <> 'sign_in');
DELETE FROM sessions WHERE kind <> 'sign_in';
ALTER TABLE sessions DROP COLUMN scopes;
ALTER TABLE sessions DROP COLUMN application_id;
ALTER TABLE sessions DROP COLUMN kind;
