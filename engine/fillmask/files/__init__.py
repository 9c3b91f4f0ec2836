"""Files of any size through a verb, with bounded memory, in atomic parts."""
