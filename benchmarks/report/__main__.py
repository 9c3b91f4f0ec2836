"""``python -m benchmarks.report``: make every page of the records again."""

from __future__ import annotations

import sys

from benchmarks.harness.records import RESULTS as RECORDS
from benchmarks.report import pages, plots
from benchmarks.report.results import load


def main() -> None:
    """Write the pages."""
    results = load(RECORDS)
    readme = pages.readme_page(pages.README.read_text(encoding="utf-8"), results)
    pages.RESULTS.write_text(pages.results_page(results), encoding="utf-8")
    pages.README.write_text(readme, encoding="utf-8")
    drawn = plots.write(results, pages.PLOTS)
    for record in results.records:
        for reason in record.invalid_reasons:
            print(f"{record.name} is not shown: {reason}", file=sys.stderr)
    print(f"{pages.RESULTS.name} of {len(results.records)} records, {len(drawn)} plots, README.md")


if __name__ == "__main__":
    main()
