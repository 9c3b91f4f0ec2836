"""The page of the architectures is what the results make, and the results are those of tests that passed."""

import json
from xml.etree import ElementTree

import pytest

from fillmask_export.tracing import find_tracer
from tests.export import architectures_page
from tests.support.architectures import ARCHITECTURES, ELSEWHERE

ROW = {
    "class": "BertForMaskedLM",
    "at the masks": "36 nodes",
    "attention": "yes",
    "fused": "2 of 2",
    "masks": "yes",
    "one table": "yes",
    "variants": {"fp32": True, "int8": True},
    "note": "",
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


def test_the_page_is_what_the_results_make():
    assert architectures_page.PAGE.read_text("utf-8") == architectures_page.page(
        architectures_page.read_rows(), architectures_page.read_trained()
    )


def test_every_architecture_is_on_the_page():
    rows = architectures_page.read_rows()[find_tracer()]
    assert rows == architectures_page.complete(rows)
    assert rows.keys() == ARCHITECTURES.keys() | ELSEWHERE.keys()


def test_what_was_not_run_and_what_is_refused_say_so():
    rows = architectures_page.complete({"bert": ROW, "mra": ROW, "gone": ROW})
    assert rows["bert"] == ROW
    assert rows["albert"] == {"refused": "not run yet"}
    assert "CUDA kernel" in rows["mra"]["refused"]
    assert list(rows) == sorted(ARCHITECTURES.keys() | ELSEWHERE.keys())


def test_every_pass_that_does_not_apply_has_its_reason_and_no_other():
    rows = [row for each in architectures_page.read_rows().values() for row in each.items() if "refused" not in row[1]]
    missed = {(name.partition("/")[0], column) for name, row in rows for column in architectures_page.missed(row)}
    assert missed == {(name, column) for name, why in architectures_page.MISSES.items() for column in why}


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
        ({}, "| 36 nodes | yes | 2 of 2 | yes | yes | yes | yes | yes |"),
        ({"attention": "no"}, "| 36 nodes | no | 2 of 2 | yes | yes | yes | yes | yes |"),
        ({"fused": "0 of 2"}, "| 36 nodes | yes | 0 of 2 | yes | yes | yes | yes | yes |"),
        ({"masks": "no"}, "| 36 nodes | yes | 2 of 2 | no | yes | yes | yes | yes |"),
        ({"one table": "untied"}, "| 36 nodes | yes | 2 of 2 | yes | untied | yes | yes | yes |"),
        ({"variants": {"fp32": False}}, "| 36 nodes | yes | 2 of 2 | yes | yes | yes | no | no |"),
    ],
)
def test_a_line_says_what_its_row_says(changes, cells, monkeypatch):
    monkeypatch.setattr(architectures_page, "MISSES", {"bert": dict.fromkeys(ROW, "of a reason")})
    lines = architectures_page.page({"optimum": {"albert": ROW, "bert": ROW | changes}}).splitlines()
    line = next(line for line in lines if line.startswith("| `bert`"))
    assert line.startswith(f"| `bert` | BertForMaskedLM | optimum {cells}")


def test_equal_results_of_both_tracers_are_one_line_and_others_two():
    other = ROW | {"note": "of another version"}
    page = architectures_page.page(
        {"optimum": {"albert": ROW, "bert": ROW}, "torch.export": {"bert": ROW, "albert": other}}
    )
    lines = [line.split(" | ")[:3] for line in page.splitlines() if "BertForMaskedLM" in line]
    assert lines == [
        ["| `albert`", "BertForMaskedLM", "torch.export"],
        ["| `albert`", "BertForMaskedLM", "optimum"],
        ["| `bert`", "BertForMaskedLM", "both"],
    ]


def test_a_pass_that_does_not_apply_has_a_line_with_the_reason(monkeypatch):
    monkeypatch.setattr(architectures_page, "MISSES", {"bert": {"fused": "of a reason"}})
    rows = {"bert": ROW | {"fused": "1 of 2"}, "bert/wide": ROW | {"fused": "0 of 2"}}
    page = architectures_page.page({"optimum": rows})
    assert page.count("| `bert` | fused | of a reason |") == 1


def test_the_page_says_what_is_refused_beside_which_tracer():
    page = architectures_page.page(
        {"optimum": {"bert": ROW}, "torch.export": {"bert": ROW, "mra": {"refused": "for it"}}}
    )
    assert page.endswith("| `mra` | torch.export | for it |\n")


@pytest.mark.parametrize(
    ("passes", "tied", "changes"),
    [
        ({}, True, {}),
        ({"rows_at_masks": "9 nodes at the masks only, 0 of them of attention"}, True,
         {"at the masks": "9 nodes", "attention": "no"}),
        ({"tied_table": "not tied"}, True, {"one table": "no"}),
        ({"tied_table": "not tied"}, False, {"one table": "untied"}),
        ({"mask_lookups": "1 of 2"}, True, {"masks": "no"}),
        ({"mask_lookups": "0 of 0"}, True, {}),
    ],
    ids=str,
)  # fmt: skip
def test_a_row_is_read_off_a_manifest(passes, tied, changes):
    there = {
        "rows_at_masks": "36 nodes at the masks only, 2 of them of attention",
        "tied_table": "kept once",
        "fused_attention": "2 of 2",
        "mask_lookups": "2 of 2",
    }
    variants = {name: {"batch_invariant": True, "file": f"{name}.onnx"} for name in ("fp32", "int8")}
    manifest = {"architecture": "BertForMaskedLM", "passes": there | passes, "variants": variants}
    assert architectures_page.row_of(manifest, tied=tied, note="") == ROW | changes


def test_the_row_of_a_trained_model_is_read_off_its_export(tmp_path):
    fidelity = {"masks": 500, "max_score_difference": 1.26e-6, "mean_kl": 0.00123456, "top_1_agreement": 0.98765,
                "accuracy": 0.41, "checkpoint_accuracy": 0.42}  # fmt: skip
    variants = {"fp32": {"fidelity": fidelity}, "int8": {"fidelity": fidelity}}
    manifest = {"source": {"checkpoint": "minilm"}, "tracer": "torch.export", "variants": variants}
    (tmp_path / "fillmask.json").write_text(json.dumps(manifest))
    page = architectures_page.page({"optimum": {"bert": ROW}}, [architectures_page.trained_row(tmp_path)])
    assert "| minilm | torch.export | 500 | 1.3e-06 | 0.00123 | 0.988 | 0.410, in PyTorch 0.420 |" in page
