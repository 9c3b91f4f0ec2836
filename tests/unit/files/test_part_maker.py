import pytest

from fillmask.errors import JobError
from tests.unit.files.conftest import parts


def test_only_missing_parts_are_made_again(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(50)), tmp_path / "out"
    run(path, out, rows_per_part=10)
    before = parts(out)
    (out / "part-000002.jsonl").unlink()
    (out / "part-000003.jsonl").write_bytes(b"kept as it is\n")
    totals = run(path, out, rows_per_part=10)
    assert (totals.rows, totals.parts) == (50, 5)
    assert parts(out) == before | {"part-000003.jsonl": b"kept as it is\n"}


def test_a_complete_job_reads_no_row(run, write, rows, tmp_path):
    path, out = write("in.jsonl", rows(20)), tmp_path / "out"
    first = run(path, out)
    states = []
    assert run(path, out, report=states.append) == first
    assert not states


@pytest.mark.parametrize("of", [2, 3, 8])
def test_shards_make_together_what_one_machine_makes(run, write, rows, tmp_path, of):
    path = write("in.jsonl", rows(45))
    whole = run(path, tmp_path / "whole", rows_per_part=10)
    for number in range(1, of + 1):
        assert (tmp_path / "out/_SUCCESS").exists() == (number > 5)  # there are five parts
        totals = run(path, tmp_path / "out", rows_per_part=10, shard=f"{number}/{of}")
    assert totals == whole
    assert parts(tmp_path / "out") == parts(tmp_path / "whole")
    assert (tmp_path / "out/_SUCCESS").read_bytes() == (tmp_path / "whole/_SUCCESS").read_bytes()


@pytest.mark.parametrize("limit", [0, "3", "1%"])
def test_too_many_bad_rows_stop_the_job_after_the_part(run, write, rows, tmp_path, limit):
    path, out = write("in.jsonl", rows(60)), tmp_path / "out"
    with pytest.raises(JobError, match="of 20 rows have no result"):
        run(path, out, rows_per_part=20, max_errors=limit)
    assert list(parts(out)) == ["part-000000.jsonl"]
    assert not (out / "_SUCCESS").exists()
    assert run(path, out, rows_per_part=20, max_errors="50%").parts == 3
