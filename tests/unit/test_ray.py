"""The mapper in actors of Ray Data, and Ray Serve."""

import json
import re
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import fillmask.ray
from fillmask import FillMask, InputError
from tests.support import toys

pytestmark = pytest.mark.filterwarnings("ignore")
NEEDS_RAY = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray; run make test-ray")


def test_without_ray_the_extra_is_named(native_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install '.\[ray\]'"):
        fillmask.ray.Mapper("predict", model=native_folder, variant="fp32")


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=2, log_to_driver=False)
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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None or find_spec("starlette") is None, reason="run make test-ray")
def test_the_application_of_ray_serve_in_the_page_predicts(ray, native_folder):
    serve, default = pytest.importorskip("ray.serve"), FillMask(native_folder, threads=1)
    page = (Path(__file__).parents[2] / "docs" / "batch.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import asyncio\n.*?)```", page, re.DOTALL)
    namespace = {"__name__": "__main__"}  # Ray then sends the class itself, not the name of a module
    exec(code.replace("Predictor.bind()", f"Predictor.bind({str(native_folder)!r})"), namespace)
    port = free_port()
    serve.start(http_options={"port": port})
    try:
        serve.run(namespace["app"])
        reply = post(port, {"inputs": "[MASK] cat"})
        assert [each["token"] for each in reply] == [each.token for each in default.predict("[MASK] cat")[0]]
        with pytest.raises(HTTPError) as refused:
            post(port, {"inputs": "no mask"})
        assert refused.value.code == 422
        assert "error" in json.load(refused.value)
    finally:
        serve.shutdown()


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def post(port, body):
    request = Request(f"http://127.0.0.1:{port}/", json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(request, timeout=60) as response:
        return json.load(response)


@NEEDS_RAY
@pytest.mark.slow
def test_the_threads_are_the_cpus_of_the_actor(ray):
    assert fillmask.ray.assigned_cpus() == 1  # a driver has none assigned
    assert ray.get(ray.remote(num_cpus=2)(fillmask.ray.assigned_cpus).remote()) == 2
