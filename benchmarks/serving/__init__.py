"""Load on a server: what generates it, and the questions asked with it."""
