"""The parts of the emulation that need no emulator; test_other_cpus.py runs the CPUs."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx_ir")

from benchmarks.harness.records import findings
from tests.emulation import table
from tests.emulation.control import fit, full_range
from tests.emulation.difference import compare
from tests.emulation.machines import Job, Machine, run
from tests.emulation.sysroot import MissingError, environment, make_sysroot


def test_equal_predictions_differ_by_nothing():
    same = [{"1": 0.6, "2": 0.3}, {"7": 0.9}]
    found = compare(same, same)
    assert (found.texts, found.same_first, found.max_score_difference) == (2, 2, 0.0)


def test_the_largest_difference_and_the_median_are_over_texts():
    here = [{"1": 0.6, "2": 0.3}] * 3
    there = [{"1": 0.6, "2": 0.2}, {"2": 0.5, "1": 0.4}, {"1": 0.59, "2": 0.3}]
    found = compare(here, there)
    assert found.same_first == 2
    assert found.max_score_difference == pytest.approx(0.2)
    assert found.median_score_difference == pytest.approx(0.1)


def test_a_token_that_is_missing_counts_with_its_whole_score():
    assert compare([{"1": 0.6, "2": 0.3}], [{"1": 0.6, "3": 0.3}]).max_score_difference == 0.3


def test_predictions_for_other_texts_are_refused():
    with pytest.raises(ValueError, match="zip"):
        compare([{"1": 1.0}], [])


def test_weights_of_the_full_range_are_the_same_weights_and_no_longer_fit():
    weights, scale = np.int8([[60, 127], [60, 0], [-3, 5]]), np.float32([0.5, 0.25])
    rounded, steps = full_range(weights, scale)
    np.testing.assert_allclose(rounded * steps, weights * scale, atol=steps.max() / 2)
    assert np.abs(rounded).max(axis=0).tolist() == [127, 127]
    assert fit(weights)
    assert not fit(rounded)


def test_only_neighbors_are_pairs_and_they_fit_up_to_their_limit():
    assert fit(np.int8([[64, -64], [64, -64]]))
    assert fit(np.int8([[127], [1], [127]]))
    assert not fit(np.int8([[1], [1], [65], [64]]))
    assert not fit(np.int8([[-65], [-64]]))


def test_a_column_of_zeros_stays_one():
    rounded, _ = full_range(np.zeros((4, 1), np.int8), np.float32([1]))
    assert not rounded.any()


def test_without_qemu_the_error_says_what_to_install(tmp_path):
    with pytest.raises(MissingError, match="apt-get install qemu-user"):
        run(Machine("qemu-of-no-cpu", "none", ""), Job(["[MASK]"]), tmp_path)


def test_without_an_archive_the_error_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="apt-get is missing"):
        make_sysroot(tmp_path / "sysroot")


def test_a_sysroot_that_failed_half_way_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "sysroot" / "root").mkdir(parents=True)
    with pytest.raises(MissingError):
        make_sysroot(tmp_path / "sysroot")


def test_its_python_sees_its_own_wheels_before_those_of_this_machine(tmp_path):
    path = environment(tmp_path, tmp_path / "here")["PYTHONPATH"]
    assert path == f"{tmp_path / 'site'}:{tmp_path / 'here'}"


def test_its_folders_are_found_from_anywhere():
    assert all(path.startswith("/") for path in environment(Path("build"), Path("/engine"))["PYTHONPATH"].split(":"))
    assert environment(Path("build"), Path("/engine"))["QEMU_LD_PREFIX"].startswith("/")


def test_the_table_in_the_docs_is_that_of_the_record():
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.with_table(page) == page


def test_the_record_shows_that_the_check_can_fail():
    record = findings(table.RECORD)
    assert {machine["machine"] for machine in record["machines"]} == {"x86_64", "aarch64"}
    (haswell,) = (machine for machine in record["machines"] if machine["cpu"] == record["control"]["cpu"])
    assert haswell["median_score_difference"] < record["control"]["median_score_difference"] / 100
