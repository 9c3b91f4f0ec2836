"""What every suite stands on: statistics, the machine, records, worker processes, rounds, and when a run is invalid."""
