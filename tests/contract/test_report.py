"""The pages and plots of the benchmarks are those that the committed records make."""

from benchmarks.harness.records import RESULTS as RECORDS
from benchmarks.report import pages, plots
from benchmarks.report.results import load

AGAIN = "run `make report`"


def test_the_pages_are_those_that_the_records_make():
    for path, text in pages.pages(load(RECORDS)).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: {AGAIN}"


def test_the_plots_are_made_of_the_records():
    results = load(RECORDS)
    drawn = {path.stem: path.read_text(encoding="utf-8") for path in pages.PLOTS.glob("*.svg")}
    wanted = {drawing.name: drawing.source(results) for drawing in plots.drawings(results)}
    assert drawn.keys() == wanted.keys(), AGAIN
    for name, source in wanted.items():
        assert source in drawn[name], f"{name}.svg is of other records; {AGAIN}"
