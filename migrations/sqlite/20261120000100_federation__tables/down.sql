DROP TABLE deliveries;
DROP TABLE delivery_lanes;
DROP TABLE peers;
DROP TABLE outgoing_activities;
DROP TABLE received_activities;
DROP TABLE remote_actors;
DROP TABLE local_keys;
