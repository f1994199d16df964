//! ActivityStreams 2 as real servers write it, read into types without losing anything.
