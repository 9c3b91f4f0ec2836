"""``python -m benchmarks.report``: make every page of the records again."""

from __future__ import annotations

import sys

from benchmarks.harness.records import RESULTS as RECORDS
from benchmarks.report import pages, plots
from benchmarks.report.results import load


def main() -> None:
    """Write the pages."""
    results = load(RECORDS)
    made = pages.pages(results)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    drawn = plots.write(results, pages.PLOTS)
    for record in results.records:
        for reason in record.invalid_reasons:
            print(f"{record.name} is not shown: {reason}", file=sys.stderr)
    print(f"{', '.join(path.name for path in made)} of {len(results.records)} records, {len(drawn)} plots")


if __name__ == "__main__":
    main()
