"""The command ``fillmask batch`` in this process."""

import json
import re
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from fillmask import FillMask
from fillmask.cli import batch as batch_command
from fillmask.cli.main import main
from fillmask.files import batch as files_batch
from fillmask.files import ray_parts
from fillmask.files.verbs import VERBS


@pytest.fixture
def batch(native_folder, tmp_path, monkeypatch):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(
        main, ["batch", *map(str, arguments), "-m", str(native_folder), "--variant", "fp32"]
    )


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "[MASK] cat"}\n{"text": "none"}\n{"text": "[MASK] dog"}\n')
    return path


def test_each_option_reaches_the_job(batch, texts, tmp_path):
    result = batch(
        *("predict", texts, "-o", "out", "-k", 2, "--targets", "cat, dog,", "--truncation", "window", "--keep", "id"),
        *("--id", "text", "--flat", "--format", "csv", "--rows-per-part", 2, "--batch-size", 3, "--workers", 1),
    )
    assert result.exit_code == 0, result.output
    job = json.loads((tmp_path / "out/_job.json").read_bytes())
    assert job["parameters"] == {"top_k": 2, "targets": ["cat", "dog"], "truncation": "window"}
    assert job["columns"] == {"text": "text", "id": "text", "keep": "id", "flat": True}
    assert (job["format"], job["rows_per_part"], job["batch_size"]) == ("csv", 2, 3)
    assert len(list((tmp_path / "out").glob("part-*.csv"))) == 2


def test_each_option_of_score_reaches_the_job(batch, texts, tmp_path):
    options = ("--method", "original", "--words", "spaces", "--bits", "--truncation", "window")
    result = batch("score", texts, "-o", "out", *options)
    assert result.exit_code == 0, result.output
    job = json.loads((tmp_path / "out/_job.json").read_bytes())
    assert job["verb"] == "score"
    assert job["parameters"] == {"method": "original", "words": "spaces", "bits": True, "truncation": "window"}
    assert batch("score", texts, "-o", "other").exit_code == 0
    assert json.loads((tmp_path / "other/_job.json").read_bytes())["parameters"] == {}


@pytest.mark.parametrize(("option", "recorded"), [("none", {"normalize": None}), ("pieces", {"normalize": "pieces"})])
def test_infill_compares_sums_or_means(batch, texts, tmp_path, option, recorded):
    assert batch("infill", texts, "-o", "out", "--normalize", option).exit_code == 0
    assert json.loads((tmp_path / "out/_job.json").read_bytes())["parameters"] == recorded


def test_any_parameter_of_a_verb_can_be_named(batch, texts, tmp_path):
    named = ("-p", 'alphabet=["cat", "dog"]', "-p", "truncation=window", "--hash")
    result = batch("marginals", texts, "-o", "out", *named)
    assert result.exit_code == 0, result.output
    job = json.loads((tmp_path / "out/_job.json").read_bytes())
    assert job["parameters"] == {"alphabet": ["cat", "dog"], "truncation": "window"}
    assert len(job["inputs"][0]["sha256"]) == 64


@pytest.mark.parametrize(("options", "address"), [(["--ray"], ""), (["--ray", "head:6379"], "head:6379")])
def test_the_address_and_the_sizes_of_actors_reach_ray(batch, texts, monkeypatch, options, address):
    got = {}
    monkeypatch.setattr(
        ray_parts, "map_items", lambda items, actor, arguments, **more: got.update(more) or (summary for summary in ())
    )
    result = batch("predict", texts, "-o", "out", "--workers", 3, "--threads", 2, "--progress", "none", *options)
    assert (got["address"], got["actors"], got["cpus"]) == (address, 3, 2)
    assert (result.exit_code, result.stderr) == (
        1,
        "fillmask: Ray made 0 of 1 parts; the same command makes the others\n",
    )


def test_bad_rows_are_no_failure_and_the_summary_counts_them(batch, texts):
    result = batch("predict", texts, "-o", "out.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(r"fillmask: 100\.0%  3 rows  [\d,]+ rows/s  1 errors  0:00:00 left\n", result.stderr)


def test_predictions_are_those_of_the_engine(batch, texts, native_folder):
    result = batch("predict", texts, "-o", "-", "-k", 1, "--progress", "none")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    wanted = FillMask(native_folder, variant="fp32", threads=1).predict("[MASK] dog", top_k=1)
    assert lines[2]["predictions"][0][0]["token"] == wanted[0][0].token
    assert lines[1]["error_type"] == "NoMaskError"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["dance", "in.jsonl", "-o", "out"],
            2,
            "verb must be one of classify, infill, marginals, predict, rank, score, got 'dance'",
        ),
        (["predict", "missing.jsonl", "-o", "out"], 2, "missing.jsonl does not exist"),
        (["predict", "in.jsonl", "-o", "out", "--shard", "9/8"], 2, "shard must be like"),
        (["predict", "in.jsonl", "-o", "out", "-k", "-1"], 2, "top_k must be"),
        (["predict", "in.jsonl", "-o", "out", "--targets", " ,"], 2, "At least one target must be provided"),
        (["predict", "in.jsonl", "-o", "out", "--provider", "Nope"], 2, "Nope"),
        (
            ["predict", "in.jsonl", "-o", "out", "--bits"],
            2,
            "predict takes no parameter 'bits'; it takes top_k",
        ),
        (["rank", "in.jsonl", "-o", "out"], 2, "candidates must have at least one string"),
        (["rank", "in.jsonl", "-o", "out", "--candidates", ""], 2, "at least one string, got none"),
        (["score", "in.jsonl", "-o", "out", "-k", "1"], 2, "score takes no parameter 'top_k'; it takes method, words"),
        (["score", "in.jsonl", "-o", "out", "--truncation", "right"], 2, "truncation must be None or 'window'"),
        (["score", "in.jsonl", "-o", "out", "-p", "bits"], 2, "parameter must be like top_k=3, got 'bits'"),
        (["predict", "in.jsonl", "-o", "out", "-k", "3", "-p", "top_k=5"], 2, "the parameter top_k is given twice"),
        (["predict", "in.jsonl", "-o", "out", "-p", "top_k=1", "-p", "top_k=2"], 2, "top_k is given twice"),
        (["rank", "in.jsonl", "-o", "out", "--candidates", "a", "-p", 'candidates=["b"]'], 2, "is given twice"),
        (["infill", "in.jsonl", "-o", "out", "-p", "pieces=1-3"], 2, "the least and the most as in [1, 3], got '1-3'"),
        (["predict", "in.jsonl", "-o", "-", "--hash"], 2, "leave out hash_inputs (--hash), or choose a folder"),
        (["predict", "in.jsonl", "-o", "-", "--force", "--hash"], 2, "leave out force and hash_inputs (--hash)"),
        (["score", "in.jsonl", "-o", "out", "-p", "k=1"], 2, "score takes no parameter 'k'; it takes method, words"),
        (
            ["predict", "in.jsonl", "-o", "out", "-p", f"targets={'[' * 100_000}"],
            2,
            "the parameter targets is nested too deeply",
        ),
        (["rank", "in.jsonl", "-o", "out", "-p", f"candidates={'[' * 300}{']' * 300}"], 2, "candidates"),
        (["predict", "in.jsonl", "-o", "out", "--max-errors", "0"], 1, "1 of 3 rows have no result"),
    ],
)
@pytest.mark.usefixtures("texts")
def test_what_is_wrong_is_one_line_and_an_exit_code(batch, arguments, code, message):
    result = batch(*arguments, "--progress", "none")
    assert result.exit_code == code
    assert re.fullmatch(r"fillmask: [^\n]+\n", result.stderr), result.stderr
    assert message in result.stderr


def test_another_job_is_exit_code_2_and_force_starts_over(batch, texts, tmp_path):
    assert batch("predict", texts, "-o", "out").exit_code == 0
    refused = batch("predict", texts, "-o", "out", "-k", 1)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "out/_job.json is another job: parameters.top_k is 1, and there nothing" in refused.stderr
    assert batch("predict", texts, "-o", "out", "-k", 1, "--force").exit_code == 0
    lines = (tmp_path / "out/part-000000.jsonl").read_text().splitlines()
    assert [len(mask) for line in lines for mask in json.loads(line).get("predictions", [])] == [1, 1]


def test_help_needs_no_model_and_lists_the_options():
    result = CliRunner().invoke(main, ["batch", "--help"])
    assert result.exit_code == 0
    assert "--rows-per-part" in result.stdout
    assert f"through VERB: {', '.join(VERBS)}." in " ".join(result.stdout.split())


@pytest.mark.usefixtures("texts")
def test_rank_takes_candidates(batch):
    result = batch("rank", "in.jsonl", "-o", "out.jsonl", "--candidates", "cat, dogs", "--method", "parallel")
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
    ranked = [row["ranking"] for row in rows if "ranking" in row]
    assert ranked
    assert all({each["text"] for each in slot} == {"cat", "dogs"} for ranking in ranked for slot in ranking)


@pytest.mark.usefixtures("texts")
def test_classify_takes_labels_a_template_and_a_prior(batch):
    result = batch("classify", "in.jsonl", "-o", "out.jsonl", "--labels", "cat, dog", "--template", "{text} a [MASK]")
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]
    assert all({each["label"] for each in row["labels"]} == {"cat", "dog"} for row in rows)
    missing = batch("classify", "in.jsonl", "-o", "out2.jsonl", "--labels", "cat", "--prior", "missing")
    assert (missing.exit_code, "--prior: [Errno 2]" in missing.stderr) == (2, True)


def test_a_job_handles_signals_and_gives_the_handlers_back(batch, texts, monkeypatch):
    numbers = (signal.SIGINT, signal.SIGTERM)
    seen = []
    monkeypatch.setattr(files_batch, "batch", lambda *_, **__: seen.extend(map(signal.getsignal, numbers)))
    before = [signal.getsignal(number) for number in numbers]
    assert batch("predict", texts, "-o", "out").exit_code == 0
    assert [type(handler) for handler in seen] == [batch_command._Stop] * 2
    assert [signal.getsignal(number) for number in numbers] == before


def test_signals_end_a_job_with_their_codes_and_one_line(capfd):
    stop = batch_command._Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with pytest.raises(SystemExit) as ended:
            stop(number, None)
        assert ended.value.code == 128 + number
    assert capfd.readouterr().err == "fillmask: stopped by SIGTERM; complete parts are kept\n"
