"""The mapper in actors of Ray Data, and Ray Serve."""

import sys
from importlib.util import find_spec

import pytest

import fillmask.ray
from fillmask.errors import InputError
from tests.support import toys

pytestmark = pytest.mark.filterwarnings("ignore")
NEEDS_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray; run make test-ray")


def test_without_ray_the_extra_is_named(native_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'fillmask\[ray\]'"):
        fillmask.ray.Mapper("predict", model=native_folder, variant="fp32")


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, log_to_driver=False)
    yield ray
    ray.shutdown()


@NEEDS_RAY
@pytest.mark.slow
def test_a_dataset_is_mapped_as_in_the_page(ray, native_folder, native):
    texts = [f"[MASK] {word}" for word in toys.WORDS] + ["no mask"]
    rows = (
        ray.data.from_items([{"text": text} for text in texts])
        .map_batches(
            fillmask.ray.Mapper,
            fn_constructor_kwargs={"verb": "predict", "model": str(native_folder), "variant": "fp32", "top_k": 2},
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=2),
            num_cpus=1,
        )
        .take_all()
    )
    made = {row["text"]: row for row in rows}
    assert made.keys() == set(texts)
    assert made["no mask"]["error_type"] == "NoMaskError"
    for text in texts[:-1]:
        (wanted,) = native.predict(text, top_k=2)
        assert [each["token"] for each in made[text]["predictions"][0]] == [each.token for each in wanted]


@NEEDS_RAY
@pytest.mark.slow
def test_the_threads_are_the_cpus_of_the_actor(ray):
    assert fillmask.ray.assigned_cpus() == 1  # a driver has none assigned
    assert ray.get(ray.remote(num_cpus=2)(fillmask.ray.assigned_cpus).remote()) == 2
