"""``fillmask bench``: which variant and how many threads are fastest for this model on this machine."""
