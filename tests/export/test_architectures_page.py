"""The page of the architectures is what the results make, and the results are those of tests that passed."""

import json
from xml.etree import ElementTree

import pytest

from fillmask_export.tracing import find_tracer
from tests.export import architectures_page
from tests.support.architectures import ARCHITECTURES, ELSEWHERE

ROW = {
    "class": "BertForMaskedLM",
    "nodes_at_masks": 36,
    "attention_at_masks": True,
    "one_table": True,
    "variants": {"fp32": True, "int8": True},
}


@pytest.fixture
def report(tmp_path):
    """Writes a report as pytest does, in which the named tests failed."""

    def write(*failed, kind="failure"):
        suite = ElementTree.Element("testsuite")
        properties = ElementTree.SubElement(suite, "properties")
        entry = {"name": f"{architectures_page.PROPERTY}bert", "value": json.dumps(ROW)}
        ElementTree.SubElement(properties, "property", entry)
        for name in ("test_an_answer[bert]", *failed):
            case = ElementTree.SubElement(suite, "testcase", {"name": name})
            if name in failed:
                ElementTree.SubElement(case, kind)
        ElementTree.ElementTree(suite).write(tmp_path / "report.xml")
        return tmp_path / "report.xml"

    return write


# The page lists the architectures of transformers 4.57, as optimum traces them.
of_optimum = pytest.mark.skipif(find_tracer() != "optimum", reason="the page lists what optimum traces")


@of_optimum
def test_the_page_is_what_the_results_make():
    assert architectures_page.PAGE.read_text("utf-8") == architectures_page.page(architectures_page.read_rows())


@of_optimum
def test_every_architecture_is_on_the_page_once():
    exported = {name for name, architecture in ARCHITECTURES.items() if not architecture.refusal}
    assert architectures_page.read_rows().keys() == exported
    assert architectures_page.REASONS.keys() == ARCHITECTURES.keys() - exported
    assert not architectures_page.REASONS.keys() & ELSEWHERE.keys()


def test_rows_are_read_from_a_report(report):
    assert architectures_page.read_report(report()) == {"bert": ROW}


@pytest.mark.parametrize("kind", ["failure", "error"])
def test_a_report_with_a_failure_makes_no_page(report, kind):
    with pytest.raises(SystemExit, match=r"test_every_answer\[bert\] failed; the page shows what passes"):
        architectures_page.read_report(report("test_every_answer[bert]", kind=kind))


def test_that_the_page_was_out_of_date_does_not_keep_it_so(report):
    assert architectures_page.read_report(report("test_the_docs_say_what_was_exported[bert]")) == {"bert": ROW}


@pytest.mark.parametrize(
    ("changes", "cells"),
    [
        ({}, "| 36 nodes | yes | yes | yes | yes | yes |"),
        ({"attention_at_masks": False}, "| 36 nodes | no | yes | yes | yes | yes |"),
        ({"one_table": False}, "| 36 nodes | yes | no | yes | yes | yes |"),
        ({"variants": {"fp32": False}}, "| 36 nodes | yes | yes | yes | no | no |"),
    ],
)
def test_a_line_says_what_its_row_says(changes, cells):
    lines = architectures_page.page({"albert": ROW, "bert": ROW | changes}).splitlines()
    assert next(line for line in lines if line.startswith("| `bert`")).startswith(f"| `bert` | BertForMaskedLM {cells}")


def test_a_row_is_read_off_a_manifest():
    passes = {"rows_at_masks": "36 nodes at the masks only, 2 of them of attention", "tied_table": "kept once"}
    variants = {name: {"batch_invariant": True, "file": f"{name}.onnx"} for name in ("fp32", "int8")}
    manifest = {"architecture": "BertForMaskedLM", "passes": passes, "variants": variants}
    assert architectures_page.row_of(manifest) == ROW
    manifest["passes"] = {
        "rows_at_masks": "9 nodes at the masks only, 0 of them of attention",
        "tied_table": "not tied",
    }
    assert architectures_page.row_of(manifest) == ROW | {
        "nodes_at_masks": 9, "attention_at_masks": False, "one_table": False,
    }  # fmt: skip
