import pytest

from fillmask.errors import InputError, JobError
from fillmask.files.limits import parse_error_limit, parse_shard
from fillmask.files.parts import Counts


@pytest.mark.parametrize("of", [1, 2, 7])
def test_each_part_belongs_to_one_shard(of):
    shards = [parse_shard(f"{number}/{of}") for number in range(1, of + 1)]
    assert all(sum(shard.has(part) for shard in shards) == 1 for part in range(20))
    assert shards[0].has(0)


@pytest.mark.parametrize("shard", ["", "1", "0/2", "3/2", "-1/2", "1/0", "1/2/3", "1/2 ", "²/3"])
def test_what_is_no_shard_is_refused(shard):
    with pytest.raises(InputError, match="shard must be like '2/8'"):
        parse_shard(shard)


@pytest.mark.parametrize(
    ("limit", "errors", "rows"), [(0, 0, 10), (3, 3, 3), ("3", 3, 10), ("10%", 1, 10), ("0.5%", 5, 1000), (None, 9, 9)]
)
def test_a_limit_allows_what_it_says(limit, errors, rows):
    parse_error_limit(limit).check(Counts(rows=rows, errors=errors))


@pytest.mark.parametrize(("limit", "errors", "rows"), [(0, 1, 10), ("3", 4, 10), ("10%", 2, 10), ("0%", 1, 1000)])
def test_more_than_the_limit_is_an_error(limit, errors, rows):
    with pytest.raises(JobError, match=f"{errors} of {rows} rows have no result"):
        parse_error_limit(limit).check(Counts(rows=rows, errors=errors))


@pytest.mark.parametrize("limit", [-1, True, 1.5, "", "%", "101%", "1 %", "x"])
def test_what_is_no_limit_is_refused(limit):
    with pytest.raises(InputError, match="max_errors"):
        parse_error_limit(limit)


def test_exactly_the_allowed_share_is_allowed_and_not_one_row_more():
    for percent in range(101):
        limit = parse_error_limit(f"{percent}%")
        limit.check(Counts(rows=100, errors=percent))
        parse_error_limit(f"{percent / 10}%").check(Counts(rows=1000, errors=percent))
        with pytest.raises(JobError, match=f"{percent + 1} of 100 rows have no result, and {percent}% are allowed"):
            limit.check(Counts(rows=100, errors=percent + 1))
