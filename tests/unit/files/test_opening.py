import pickle
from dataclasses import replace

import pytest

from fillmask.errors import InputError
from fillmask.files.opening import JobOptions, check_unloaded, open_maker


@pytest.fixture
def options(write, rows, native):
    return JobOptions(
        verb="predict",
        inputs=(write("in.jsonl", rows(5)),),
        output_format="jsonl",
        model=native,
        variant="auto",
        providers=None,
        threads=1,
        parameters={"top_k": 2},
        text_column="text",
        id_column=None,
        keep="all",
        flat=False,
        input_format=None,
        rows_per_part=3,
        batch_size=2,
        workers=1,
        hash_inputs=True,
    )


def test_options_that_went_to_another_process_open_the_same_job(options):
    maker, again = (open_maker(each, each.find_inputs()) for each in (options, pickle.loads(pickle.dumps(options))))
    assert options.describe(maker.runner) == options.describe(again.runner)
    assert maker.rows_per_part == again.rows_per_part == 3


@pytest.mark.parametrize(
    "change", [{"verb": "dance"}, {"keep": "none"}, {"rows_per_part": 0}, {"parameters": {"k": 1}}]
)
def test_a_wrong_option_is_found_without_the_model(options, change):
    with pytest.raises(InputError):
        replace(options, model="missing", **change).check()


@pytest.mark.parametrize("change", [{"variant": "int8"}, {"providers": ["CPUExecutionProvider"]}, {"threads": 2}])
def test_a_loaded_model_is_not_loaded_in_another_way(native, native_folder, change):
    given = {"variant": "auto", "providers": None, "threads": 1}
    check_unloaded(native, **given)
    check_unloaded(native_folder, **given | change)
    with pytest.raises(InputError, match=f"model is a loaded FillMask, and {next(iter(change))} would change"):
        check_unloaded(native, **given | change)


def test_csv_is_always_flat(options):
    inputs = options.find_inputs()
    assert [replace(options, output_format=name).layout(inputs).flat for name in ("jsonl", "csv")] == [False, True]
