"""From a framework's own trace of a function to a tape. Only here does a tape meet a framework."""
