DROP TABLE search_gaps;
DROP TABLE search_words;
DROP TABLE search_entries;
