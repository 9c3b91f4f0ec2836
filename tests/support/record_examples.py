"""A record as a suite writes it."""

from benchmarks.harness.records import Comparison, Record, Row

ROW = Row("fillmask-int8", "int8", {"tokens": 32}, "ms", [[1.23456789, 2.0], [1.5]], {"threads": 1})
COMPARISON = Comparison("fillmask-int8", "transformers", {"tokens": 32}, 9.1234567, 9.0, 9.2, 0.99, 1.01, "faster")
RECORD = Record(
    suite="latency",
    model="minilm",
    profile="quick",
    command="python -m benchmarks latency",
    started_at="2026-01-01T00:00:00+00:00",
    context={"cores": 2, "load": [0.1, 0.2, 0.3]},
    watch={"steal": 0.0},
    params={"rounds": 2},
    rows=[ROW],
    comparisons=[COMPARISON],
    invalid_reasons=[],
    valid=True,
)
