"""One run of pytest: its options, which tests meet which systems, and what the run says of itself."""
