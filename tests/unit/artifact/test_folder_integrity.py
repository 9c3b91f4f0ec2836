import hashlib
import json
import random

import onnx
import pytest

from fillmask import FillMask
from fillmask.artifact import folder, tokenizer
from fillmask.errors import ArtifactError, IntegrityError
from fillmask.runtime import opening
from tests.support import toys

# The files that an engine with variant fp32 reads.
USED = ["model_fp32.onnx", "tokenizer.json", "tokenizer_config.json", "config.json"]


@pytest.fixture
def parsed(monkeypatch):
    """The bytes that reach a parser: tokenizers', ONNX Runtime's or json's, the manifest excepted."""
    contents = []

    def spy(home, name, argument=0):
        original = getattr(home, name)

        def parse(*arguments, **kwargs):
            contents.append(arguments[argument])
            return original(*arguments, **kwargs)

        monkeypatch.setattr(home, name, parse)

    spy(tokenizer.Tokenizer, "from_buffer")
    spy(opening.ort, "InferenceSession")
    spy(folder, "parse_json", argument=1)
    return contents


def flips(folder, count):
    """Single-bit changes, spread over the files in use; each file has its first and last byte among them."""
    rng = random.Random(0)
    for index in range(count):
        name = USED[index % len(USED)]
        size = (folder / name).stat().st_size
        place = {0: 0, 1: size - 1}.get(index // len(USED), rng.randrange(size))
        yield name, place, 1 << rng.randrange(8)


def test_a_flipped_bit_in_any_file_is_refused_before_anything_parses_it(native_copy, parsed):
    for name, place, bit in flips(native_copy, 60):
        path = native_copy / name
        intact = path.read_bytes()
        flipped = intact[:place] + bytes([intact[place] ^ bit]) + intact[place + 1 :]
        path.write_bytes(flipped)
        with pytest.raises(IntegrityError, match=f"{name} is not the file that fillmask.json lists"):
            FillMask(native_copy, variant="fp32")
        assert flipped not in parsed
        path.write_bytes(intact)


@pytest.mark.parametrize("name", USED)
@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"\n", lambda _: b""])
def test_a_truncated_or_lengthened_file_is_refused_before_anything_parses_it(native_copy, parsed, name, change):
    path = native_copy / name
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(IntegrityError) as raised:
        FillMask(native_copy, variant="fp32")
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"expected SHA-256 {expected} (" in str(raised.value)
    assert f"got {got} ({path.stat().st_size} bytes); copy it again" in str(raised.value)
    assert path.read_bytes() not in parsed


def test_swapped_files_are_refused(native_copy, parsed):
    fp32, int8 = native_copy / "model_fp32.onnx", native_copy / "model_int8.onnx"
    fp32.rename(native_copy / "other")
    int8.rename(fp32)
    (native_copy / "other").rename(int8)
    for variant in ("fp32", "int8"):
        with pytest.raises(IntegrityError, match=f"model_{variant}.onnx is not the file"):
            FillMask(native_copy, variant=variant)
    assert fp32.read_bytes() not in parsed


@pytest.mark.parametrize("name", USED)
def test_a_listed_file_that_is_missing_is_named(native_copy, name):
    (native_copy / name).unlink()
    with pytest.raises(IntegrityError, match=f"{name} cannot be read: No such file"):
        FillMask(native_copy, variant="fp32")


@pytest.mark.parametrize("name", USED)
def test_a_file_that_is_used_but_not_listed_is_refused(native_copy, name):
    manifest = json.loads((native_copy / "fillmask.json").read_text())
    del manifest["files"][name]
    (native_copy / "fillmask.json").write_text(json.dumps(manifest))
    with pytest.raises(IntegrityError, match=f"{name} is not listed in fillmask.json; export the model again"):
        FillMask(native_copy, variant="fp32")


def test_weights_outside_a_native_graph_are_refused_since_no_hash_covers_them(native_copy, monkeypatch):
    graph = onnx.load_from_string((native_copy / "model_fp32.onnx").read_bytes())
    path = native_copy / "model_fp32.onnx"
    onnx.save_model(graph, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    toys.write_manifest(native_copy)
    # A graph that is loaded from bytes looks for its weights in the working directory.
    monkeypatch.chdir(native_copy)
    with pytest.raises(ArtifactError):
        FillMask(native_copy, variant="fp32", threads=1)


def test_a_broken_variant_does_not_keep_another_from_loading(native_copy):
    (native_copy / "model_int8.onnx").write_bytes(b"broken")
    assert FillMask(native_copy, variant="fp32", threads=1).variant == "fp32"


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json"])
def test_a_pointer_of_git_lfs_is_named(foreign_copy, name):
    pointer = (
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32\nsize 99\n"
    )
    (foreign_copy / name).write_text(pointer)
    with pytest.raises(ArtifactError, match=f"{name} is a pointer of Git LFS.*git lfs pull"):
        FillMask(foreign_copy, threads=1)


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json"]
)
def test_a_link_to_no_file_is_no_missing_file(foreign_copy, name):
    (foreign_copy / name).unlink(missing_ok=True)
    (foreign_copy / name).symlink_to(foreign_copy / "nowhere")
    with pytest.raises(IntegrityError, match=f"{name} cannot be read: No such file"):
        FillMask(foreign_copy, threads=1)


def test_a_folder_of_links_is_read(foreign_copy, tmp_path):
    expected = FillMask(foreign_copy, threads=1)("the cat [MASK]")
    (tmp_path / "links").mkdir()
    for path in foreign_copy.iterdir():
        (tmp_path / "links" / path.name).symlink_to(path)
    assert FillMask(tmp_path / "links", threads=1)("the cat [MASK]") == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json"])
def test_a_settings_file_may_be_in_an_encoding_of_json(foreign_copy, name, encoding):
    expected = FillMask(foreign_copy, threads=1)("the cat [MASK]")
    (foreign_copy / name).write_bytes((foreign_copy / name).read_text().encode(encoding))
    assert FillMask(foreign_copy, threads=1)("the cat [MASK]") == expected
