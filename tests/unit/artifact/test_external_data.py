"""Files of weights that a graph names: those that onnx finds, however protobuf spells them."""

from random import Random

import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from fillmask import ArtifactError, FillMask, IntegrityError
from fillmask.artifact.external_data import MESSAGES, external_files, inside, locations
from tests.support import toys, wire

FUZZ = settings(max_examples=150, deadline=None)
REFUSED = "refused"
TENSOR = onnx.ModelProto.DESCRIPTOR.file.message_types_by_name["TensorProto"]


def reference(graph):
    """The names that onnx finds: of every entry of external data in every message."""
    found, messages = set(), [onnx.ModelProto.FromString(graph)]
    for message in messages:
        if isinstance(message, onnx.TensorProto):
            found |= {entry.value for entry in message.external_data if entry.key == "location"}
        for field, value in message.ListFields():
            if field.type == field.TYPE_MESSAGE:
                messages += value if hasattr(value, "__len__") else [value]
    return found


def names_or_refusal(graph):
    """The names that the parser finds, or that it refuses the graph; any other error is a fault."""
    try:
        return set(locations(graph))
    except ArtifactError as error:
        return REFUSED if "cannot be parsed at byte" in str(error) else error


def leads_to_tensors(message, seen=()):
    """Whether a message of onnx.proto can contain a tensor."""
    inner = [field.message_type for field in message.fields if field.message_type not in (None, *seen)]
    return message is TENSOR or any(leads_to_tensors(each, (*seen, message)) for each in inner)


def test_the_table_lists_every_message_of_onnx_that_can_contain_a_tensor():
    expected, messages = {}, [onnx.ModelProto.DESCRIPTOR]
    for message in messages:
        inner = [field for field in message.fields if field.message_type and leads_to_tensors(field.message_type)]
        expected[message.name] = {field.number: field.message_type.name for field in inner}
        messages += {field.message_type for field in inner} - {*messages}
    expected["TensorProto"] = {TENSOR.fields_by_name["external_data"].number: "StringStringEntryProto"}
    assert expected == MESSAGES


@FUZZ
@given(st.randoms(use_true_random=True))
def test_of_any_model_in_any_spelling_the_names_are_those_that_onnx_finds(rng):
    graph = wire.model(MESSAGES, rng)
    assert set(locations(graph)) == reference(graph)


def test_the_models_have_names_in_every_message():
    found = [len(reference(wire.model(MESSAGES, Random(seed)))) for seed in range(300)]
    assert sum(map(bool, found)) > 100


@FUZZ
@given(st.randoms(use_true_random=True))
def test_of_damaged_models_the_names_are_those_that_onnx_finds_or_the_model_is_refused(rng):
    damaged = bytearray(wire.model(MESSAGES, rng) or b"\0")
    for _ in range(rng.randrange(1, 4)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    damaged = bytes(damaged[: rng.choice((len(damaged), len(damaged) // 2))])
    try:
        expected = reference(damaged)
    except (DecodeError, UnicodeDecodeError):
        return
    assert names_or_refusal(damaged) in (expected, REFUSED)


@FUZZ
@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_parsed_or_refused(content, place):
    graph = content[:place] + b"location" + content[place:]
    assert isinstance(names_or_refusal(graph), set | str)


@pytest.mark.parametrize("spell", wire.SPELLINGS.values(), ids=list(wire.SPELLINGS))
@pytest.mark.parametrize("location", ["evil", "../outside", "{parent}/outside"])
def test_a_file_that_the_manifest_does_not_list_is_not_read_however_it_is_spelled(weighty, spell, location):
    named = location.format(parent=weighty.parent)
    wire.respell(weighty / "model_fp32.onnx", spell, named)
    for path in (weighty / "evil", weighty.parent / "outside"):
        path.write_bytes((weighty / "model_fp32.onnx_data").read_bytes())
    toys.write_manifest(weighty)
    (weighty / "fillmask.json").write_text((weighty / "fillmask.json").read_text().replace('"evil"', '"other"'))
    with pytest.raises(IntegrityError, match=r"model_fp32\.onnx reads weights from .*, fillmask.json lists "):
        FillMask(weighty, variant="fp32", threads=1)


@pytest.mark.parametrize("spell", wire.SPELLINGS.values(), ids=list(wire.SPELLINGS))
def test_a_file_that_the_manifest_lists_is_read_however_it_is_spelled(weighty, native, spell):
    wire.respell(weighty / "model_fp32.onnx", spell, "model_fp32.onnx_data")
    toys.write_manifest(weighty)
    text = "the [MASK] sat on the mat."
    assert FillMask(weighty, variant="fp32", threads=1).predict(text) == native.predict(text)


def test_a_graph_within_graphs_beyond_protobufs_limit_is_refused():
    graph = wire.field(5, wire.field(13, wire.field(1, b"location") + wire.field(2, b"w")))
    assert locations(wire.field(7, graph)) == ["w"]
    for _ in range(30):
        graph = wire.field(1, wire.field(5, wire.field(6, graph)))
    assert locations(wire.field(7, graph)) == ["w"]
    for _ in range(10):
        graph = wire.field(1, wire.field(5, wire.field(6, graph)))
    with pytest.raises(ArtifactError, match="messages nest more than 100 deep"):
        locations(wire.field(7, graph))


@pytest.mark.parametrize("tail", [b"\x0b", b"\x00\x00", b"\x0a\x7f", b"\x80" * 11, b"\xff" * 10, b"\x0d\x00", b"\x0f"])
def test_what_is_no_protobuf_is_refused_at_its_place(tail):
    graph = wire.field(14, wire.field(1, b"location"))
    with pytest.raises(ArtifactError, match=rf"cannot be parsed at byte {len(graph)}\d?: "):
        locations(graph + tail)


# Graphs that no manifest lists


def test_the_names_are_those_of_the_graph_each_once(tmp_path):
    toys.write_foreign(tmp_path)
    assert external_files(tmp_path / "model.onnx") == []
    toys.move_weights_out(tmp_path / "model.onnx", "weights of it.bin")
    assert external_files(tmp_path / "model.onnx") == ["weights of it.bin"]


@pytest.mark.parametrize(
    "name",
    [
        *("../a", "/etc/passwd", "a/../../b", "..", "..\\a", "\\\\host\\a", "a\0b", ""),
        *("*/_ORT_MEM_ADDR_/*", "*/_ORT_NATIVE_ENDIAN_MEM_ADDR_/*", "*/_ORT_"),
    ],
)
@pytest.mark.parametrize("spell", ["usual", "value before key"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name, spell):
    toys.write_foreign(tmp_path)
    toys.move_weights_out(tmp_path / "model.onnx", "w.bin")
    wire.respell(tmp_path / "model.onnx", wire.SPELLINGS[spell], name)
    with pytest.raises(ArtifactError, match=r"model.onnx reads its weights from .*, which is not a file in its folder"):
        external_files(tmp_path / "model.onnx")
    with pytest.raises(ArtifactError, match="which is not a file in its folder"):
        FillMask(tmp_path, threads=1)


def test_a_name_that_is_not_utf_8_is_refused(tmp_path):
    tensor = wire.field(13, wire.field(1, b"location") + wire.field(2, b"\xff"))
    (tmp_path / "model.onnx").write_bytes(wire.field(7, wire.field(5, tensor)))
    with pytest.raises(ArtifactError, match=r"model.onnx: .* is not UTF-8: b'\\xff'"):
        external_files(tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"", b"\0", b"garbage", b"\xff" * 100])
def test_what_names_nothing_is_left_to_onnx_runtime(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    assert external_files(tmp_path / "model.onnx") == []


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_out_of_the_folder_is_refused(tmp_path, link):
    folder = toys.write_foreign(tmp_path / "model")
    toys.move_weights_out(folder / "model.onnx", "w.bin")
    (folder / "w.bin").rename(tmp_path / "w.bin")
    if link == "file":
        (folder / "w.bin").symlink_to(tmp_path / "w.bin")
    else:
        (folder / "sub").symlink_to(tmp_path)
        wire.respell(folder / "model.onnx", wire.SPELLINGS["usual"], "sub/w.bin")
    with pytest.raises(ArtifactError, match=r"is a link out of its folder, to .*; put the file itself in its place"):
        FillMask(folder, threads=1)


def test_links_within_the_folder_and_within_the_hubs_cache_are_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "w").touch()
    (tmp_path / "b").symlink_to("a/w")
    assert inside(tmp_path, "b") == tmp_path / "b"
    commit, blobs = tmp_path / "models--o--n" / "snapshots" / "c" / "onnx", tmp_path / "models--o--n" / "blobs"
    for folder in (commit, blobs):
        folder.mkdir(parents=True)
    (blobs / "w").touch()
    (commit / "w").symlink_to("../../../blobs/w")
    assert inside(commit, "w") == commit / "w"
    (commit / "v").symlink_to(tmp_path / "a" / "w")
    with pytest.raises(ArtifactError, match="is a link out of its folder"):
        inside(commit, "v")
