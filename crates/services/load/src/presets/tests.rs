//! What is built in is what the originals say, and can be run.
