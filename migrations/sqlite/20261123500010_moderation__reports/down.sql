DROP TABLE report_steps;
DROP TABLE reports;
