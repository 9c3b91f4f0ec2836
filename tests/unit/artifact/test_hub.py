"""A fake cache, read offline and, since huggingface_hub reads its environment on import, in a Python of its own."""

import json
from glob import escape

import onnx
import pytest

from fillmask import ArtifactError, FillMask
from fillmask.artifact import hub
from tests.support import toys
from tests.support.hub_stub import Hub, served

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40

PREDICT = """
import json, sys
from fillmask import FillMask
arguments = json.loads(sys.argv[1])
fill_mask = FillMask(**arguments, threads=1)
tokens = [prediction.token for prediction in fill_mask.predict("the [MASK] sat")[0]]
print(json.dumps([fill_mask.artifact.revision, fill_mask.variant, fill_mask.artifact.source, tokens]))
"""

REFUSED = """
import json, sys
from fillmask import ArtifactError, FillMask
try:
    FillMask(**json.loads(sys.argv[1]))
except ArtifactError as error:
    print(error)
"""


def cache(home, write, commit=COMMIT, branch="main"):
    """Lay out a model as huggingface_hub does: blobs, and a snapshot of links to them."""
    repository = home / "hub" / "models--org--name"
    original = write(home / "original" / commit)
    for path in (path for path in original.rglob("*") if path.is_file()):
        blob = repository / "blobs" / f"{commit[:8]}-{path.name}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        path.rename(blob)
        link = repository / "snapshots" / commit / path.relative_to(original)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / branch).write_text(commit)


@pytest.fixture
def offline(python, tmp_path):
    """Run a script without network and with the cache in ``tmp_path``."""
    environment = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}

    def run(script, **arguments):
        return python(script, json.dumps(arguments), **environment)

    return run


def xenova(folder):
    return toys.write_foreign(
        folder,
        {
            "onnx/model.onnx": toys.foreign_graph(toys.tables(0)),
            "onnx/model_quantized.onnx": toys.foreign_graph(toys.tables(1)),
            "onnx/model_fp16.onnx": toys.foreign_graph(toys.tables(0), dtype="float16"),
        },
    )


def tokens_of(fill_mask):
    return [prediction.token for prediction in fill_mask.predict("the [MASK] sat")[0]]


@pytest.mark.parametrize("write", [toys.write_native, toys.write_weighty])
def test_a_native_model_of_the_hub_predicts_and_names_its_commit(offline, tmp_path, native_folder, write):
    cache(tmp_path, write)
    expected = tokens_of(FillMask(native_folder, variant="int8", threads=1))
    assert json.loads(offline(PREDICT, model="org/name")) == [COMMIT, "int8", "org/name", expected]


@pytest.mark.parametrize(("wanted", "variant"), [("auto", "fp32"), ("q8", "q8"), ("fp16", "fp16")])
def test_a_foreign_model_of_the_hub_predicts_with_each_variant(offline, tmp_path, wanted, variant):
    cache(tmp_path, xenova)
    printed = json.loads(offline(PREDICT, model="org/name", variant=wanted))
    assert printed[:3] == [COMMIT, variant, "org/name"]
    folder = tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT
    assert printed[3] == tokens_of(FillMask(folder, variant=variant, threads=1))


def test_a_foreign_model_without_an_fp32_graph_predicts_quantized(offline, tmp_path):
    def write(folder):
        return toys.write_foreign(folder, {"onnx/model_quantized.onnx": toys.foreign_graph(toys.tables(1))})

    cache(tmp_path, write)
    assert json.loads(offline(PREDICT, model="org/name"))[:2] == [COMMIT, "q8"]
    assert "has no variant 'fp16'; it has q8" in offline(REFUSED, model="org/name", variant="fp16")


@pytest.fixture
def requests(monkeypatch, tmp_path):
    """What is requested of the hub for a model that lies in ``tmp_path / COMMIT``: revisions and patterns."""
    requests = []

    def snapshot(_, revision, patterns, variant="auto"):
        requests.append((revision, patterns))
        return tmp_path / COMMIT

    monkeypatch.setattr(hub, "snapshot", snapshot)
    return requests


def fetched(requests):
    return [(revision, set(patterns)) for revision, patterns in requests]


def files_of(name):
    """Where the graph may lie."""
    return {f"{folder}{name}.onnx" for folder in ("", "onnx/")}


def foreign_with_weights(folder, locations):
    """A foreign folder whose graph reads its weights from these files, in turn."""
    toys.write_foreign(folder)
    toys.move_weights_out(folder / "model.onnx", locations[0])
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    for index, tensor in enumerate(model.graph.initializer):
        location = next(entry for entry in tensor.external_data if entry.key == "location")
        location.value = locations[index % len(locations)]
    onnx.save(model, folder / "model.onnx")
    for location in locations[1:]:
        (folder / location).write_bytes((folder / locations[0]).read_bytes())
    return folder


@pytest.mark.parametrize("locations", [["model.onnx.data"], ["model.onnx_data", "model.onnx_data_1"], ["w[1].bin"]])
def test_weights_are_fetched_by_the_names_that_the_graph_has(requests, tmp_path, locations):
    foreign_with_weights(tmp_path / COMMIT, locations)
    hub.fetch("org/name", "auto", None)
    assert fetched(requests)[-1] == (COMMIT, {escape(location) for location in locations})


@pytest.mark.parametrize("locations", [["model.onnx.data"], ["model.onnx_data", "model.onnx_data_1"]])
def test_a_foreign_model_of_the_hub_with_weights_beside_its_graph_predicts(offline, tmp_path, foreign, locations):
    cache(tmp_path, lambda folder: foreign_with_weights(folder, locations))
    assert json.loads(offline(PREDICT, model="org/name"))[3] == tokens_of(foreign)


@pytest.mark.parametrize(("variant", "name"), [("auto", "int8"), ("int8", "int8"), ("fp32", "fp32")])
def test_of_a_native_model_only_the_variant_in_use_is_fetched_and_from_one_commit(requests, tmp_path, variant, name):
    toys.write_native(tmp_path / COMMIT)
    assert hub.fetch("org/name", variant, "main") == tmp_path / COMMIT
    assert requests == [("main", ["*.json"]), (COMMIT, [f"model_{name}.onnx"])]


@pytest.mark.parametrize(("variant", "name"), [("auto", "int8"), ("int8", "int8"), ("fp32", "fp32")])
def test_the_weights_of_the_variant_in_use_are_fetched_with_it(requests, tmp_path, variant, name):
    toys.write_weighty(tmp_path / COMMIT)
    assert hub.fetch("org/name", variant, "main") == tmp_path / COMMIT
    assert requests == [("main", ["*.json"]), (COMMIT, [f"model_{name}.onnx", f"model_{name}.onnx_data"])]


def test_weights_elsewhere_are_not_requested_of_the_hub(requests, tmp_path):
    toys.write_native(tmp_path / COMMIT)
    toys.write_manifest(tmp_path / COMMIT, variants={"fp32": {"file": "model_fp32.onnx", "weights": "../weights"}})
    with pytest.raises(ArtifactError, match="which is not the name of a file in its own folder"):
        hub.fetch("org/name", "fp32", "main")
    assert requests == [("main", ["*.json"])]


@pytest.mark.parametrize(
    ("variant", "name"), [("auto", "model"), ("fp32", "model"), ("q8", "model_quantized"), ("q4f16", "model_q4f16")]
)
def test_of_a_foreign_model_only_the_variant_in_use_is_fetched_with_its_weights(requests, tmp_path, variant, name):
    toys.write_foreign(tmp_path / COMMIT, {f"onnx/{name}.onnx": b"graph"})
    assert hub.fetch("org/name", variant, None) == tmp_path / COMMIT
    assert fetched(requests) == [(None, {"*.json"}), (COMMIT, files_of(name))]


@pytest.mark.parametrize("folder", ["", "onnx/"])
def test_auto_fetches_the_quantized_graph_only_where_there_is_no_fp32_one(requests, tmp_path, folder):
    toys.write_foreign(tmp_path / COMMIT, {f"{folder}model_quantized.onnx": b"graph"})
    hub.fetch("org/name", "auto", None)
    assert fetched(requests) == [(None, {"*.json"}), (COMMIT, files_of("model")), (COMMIT, files_of("model_quantized"))]


@pytest.mark.parametrize("variant", ["fp32", "q4"])
def test_a_named_variant_that_is_not_there_is_not_replaced(requests, tmp_path, variant):
    toys.write_foreign(tmp_path / COMMIT, {"onnx/model_quantized.onnx": b"graph"})
    hub.fetch("org/name", variant, None)
    assert fetched(requests) == [(None, {"*.json"}), (COMMIT, files_of("model" if variant == "fp32" else "model_q4"))]


@pytest.mark.parametrize(
    ("default", "gpu", "names"),
    [
        (None, False, ["fp32"]),
        ("int8", False, ["int8"]),
        ("int8", True, ["fp32", "int8"]),
    ],
)
def test_auto_fetches_what_will_be_used_and_for_a_gpu_also_what_takes_over(requests, tmp_path, default, gpu, names):
    toys.write_weighty(tmp_path / COMMIT)
    toys.write_manifest(tmp_path / COMMIT, default_variant=default)
    hub.fetch("org/name", "auto", None, gpu=gpu)
    files = [(COMMIT, {f"model_{name}.onnx", f"model_{name}.onnx_data"}) for name in names]
    assert fetched(requests) == [(None, {"*.json"}), *files]


@pytest.mark.parametrize("write", [toys.write_native, toys.write_foreign])
@pytest.mark.parametrize("variant", [["fp32"], {"fp32": 1}, None, 3])
@pytest.mark.usefixtures("requests")
def test_a_variant_of_another_type_is_refused(tmp_path, write, variant):
    write(tmp_path / COMMIT)
    with pytest.raises(ArtifactError, match="variant must be a name "):
        FillMask("org/name", variant=variant)


def test_a_branch_and_a_commit_select_a_revision(offline, tmp_path):
    cache(tmp_path, toys.write_native)
    cache(tmp_path, toys.write_native, commit=OTHER, branch="next")
    for revision, commit in ((None, COMMIT), ("main", COMMIT), ("next", OTHER), (OTHER, OTHER)):
        assert json.loads(offline(PREDICT, model="org/name", revision=revision))[0] == commit


def test_a_model_that_is_not_in_the_cache_is_named(offline):
    message = offline(REFUSED, model="org/nowhere")
    assert message.startswith("'org/nowhere' is not a folder, and the hub model cannot be had: ")
    assert len(message.splitlines()) == 1


def pull(variant):
    return f"unset HF_HUB_OFFLINE for one `fillmask pull org/name --revision {COMMIT} --variant {variant}`\n"


@pytest.mark.parametrize(("wanted", "variant"), [("auto", "int8"), ("int8", "int8"), ("fp32", "fp32")])
@pytest.mark.parametrize("part", ["", "_data"])
def test_a_variant_that_is_not_in_the_cache_is_told_the_command_that_fetches_it(
    offline, tmp_path, wanted, variant, part
):
    cache(tmp_path, toys.write_weighty)
    snapshot = tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT
    (snapshot / f"model_{variant}.onnx{part}").unlink()
    message = offline(REFUSED, model="org/name", variant=wanted)
    assert f"the cache {tmp_path}/hub does not hold model_{variant}.onnx{part}; " in message
    assert message.endswith(pull(variant))


def test_a_settings_file_that_is_not_in_the_cache_is_named_as_well(offline, tmp_path):
    cache(tmp_path, toys.write_native)
    (tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT / "tokenizer.json").unlink()
    assert "does not hold tokenizer.json; " in offline(REFUSED, model="org/name")


def test_weights_of_a_foreign_variant_that_are_not_in_the_cache_are_named(offline, tmp_path):
    cache(tmp_path, lambda folder: foreign_with_weights(folder, ["model.onnx.data"]))
    (tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT / "model.onnx.data").unlink()
    message = offline(REFUSED, model="org/name", variant="fp32")
    assert "does not hold model.onnx.data; " in message
    assert message.endswith(pull("fp32"))


def test_another_variant_of_a_model_that_was_pulled_is_told_the_command_that_fetches_it(python, tmp_path):
    environment = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_DISABLE_XET": "1"}
    arguments = json.dumps({"model": "org/name", "variant": "int8"})
    with served(Hub(toys.write_native(tmp_path / "model"))) as address:
        python(PREDICT, arguments, HF_ENDPOINT=address, HF_HUB_OFFLINE="0", **environment)
    message = python(REFUSED, arguments.replace("int8", "fp32"), HF_HUB_OFFLINE="1", **environment)
    assert message.endswith(pull("fp32"))


@pytest.mark.parametrize("revision", ["no-such-branch", "e" * 40, "../../x", ""])
def test_a_revision_that_is_not_there_is_named(offline, tmp_path, revision):
    cache(tmp_path, toys.write_native)
    message = offline(REFUSED, model="org/name", revision=revision)
    assert message.startswith("'org/name' is not a folder")
    assert str(revision) in message


def test_a_variant_that_the_hub_model_lacks_is_refused_with_those_that_are_there(offline, tmp_path):
    cache(tmp_path, toys.write_native)
    assert "has no variant 'q4'; it has fp32, int8" in offline(REFUSED, model="org/name", variant="q4")


@pytest.mark.parametrize("manifest", ["not JSON", "[]", "{}", '{"schema_version": 2}'])
def test_a_hub_model_with_a_broken_manifest_is_refused(offline, tmp_path, manifest):
    def write_broken(folder):
        toys.write_native(folder)
        (folder / "fillmask.json").write_text(manifest)
        return folder

    cache(tmp_path, write_broken)
    assert "fillmask.json" in offline(REFUSED, model="org/name")


@pytest.mark.usefixtures("requests")
@pytest.mark.parametrize("default", [["fp32"], {"fp32": 1}])
def test_a_hub_model_that_recommends_no_name_is_refused(tmp_path, default):
    toys.write_native(tmp_path / COMMIT)
    toys.write_manifest(tmp_path / COMMIT, default_variant=default)
    with pytest.raises(ArtifactError, match=r"fillmask\.json must name its default_variant, got "):
        FillMask("org/name")


def test_a_hub_model_whose_manifest_is_a_link_to_no_file_is_refused_rather_than_read_unverified(offline, tmp_path):
    cache(tmp_path, toys.write_native)
    (tmp_path / "hub" / "models--org--name" / "blobs" / f"{COMMIT[:8]}-fillmask.json").unlink()
    assert "fillmask.json cannot be read: No such file" in offline(REFUSED, model="org/name", variant="fp32")


@pytest.mark.parametrize("model", ["org/a..b", "org/-a", "o" * 200])
def test_an_id_that_the_hub_does_not_allow_is_refused(offline, model):
    assert offline(REFUSED, model=model).startswith(repr(model))
