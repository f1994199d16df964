DROP TABLE fan_out_chunks;
DROP TABLE fan_outs;
