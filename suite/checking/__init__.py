"""One check: a system and its trial, the verdict on an answer, controls, and what is told of a failure."""
