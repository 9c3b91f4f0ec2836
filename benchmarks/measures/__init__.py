"""Measuring devices of the suites: fresh processes, their memory, installed packages, matrix products."""
