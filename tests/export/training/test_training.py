"""train(): it lowers the loss on held-out text, goes on where it was killed, and says what it cannot do."""

import errno
import json
import lzma
import os
import signal

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer, BertModel

from fillmask.artifact.folder import EMBEDDED
from fillmask_export.training import learner, model, training
from fillmask_export.training.cli import train_command
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import PRECISIONS, Recipe
from tests.support.training import CORPUS, sentences

SHORT = {"batch_tokens": 256, "max_length": 64, "short_length": 48, "precision": "fp32", "device": "cpu"}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def text(tmp_path):
    """The corpus with five sentences a document."""
    lines = sentences()
    documents = ["\n".join(lines[start : start + 5]) for start in range(0, len(lines), 5)]
    file = tmp_path / "text.txt.xz"
    file.write_bytes(lzma.compress("\n\n".join(documents).encode()))
    return file


@pytest.fixture
def bert(checkpoint_of):
    return checkpoint_of("wordpiece")


def weights(folder):
    return AutoModelForMaskedLM.from_pretrained(folder).state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_it_lowers_the_loss_on_held_out_text(bert, text, tmp_path):
    report = training.train(bert, [text], tmp_path / "out", Recipe(steps=60, learning_rate=1e-2, **SHORT))
    assert report["after"]["short"]["loss"] < report["before"]["short"]["loss"] - 1
    assert report == json.loads((tmp_path / "out" / "training.json").read_text())
    assert report["steps"] == 60
    assert not (tmp_path / "out.training").exists()


def test_what_it_reports_is_what_transformers_computes(bert, text, tmp_path, monkeypatch):
    held = {}
    monkeypatch.setattr(training, "_scores", lambda learner, batches: held.update(batches) or {})
    training.train(bert, [text], tmp_path / "out", Recipe(steps=2, **SHORT))
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()
    batches = held["short"]
    scores = learner.Learner(model, [], Recipe(steps=1, **SHORT)).evaluate(batches)
    expected = count = 0.0
    for batch in batches:
        labels = torch.full_like(batch.input_ids, -100).masked_scatter(batch.selected, batch.labels)
        with torch.inference_mode():
            mean = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels).loss
        expected += mean.item() * len(batch.labels)
        count += len(batch.labels)
    assert scores["loss"] == pytest.approx(expected / count, abs=1e-4)


@pytest.mark.parametrize("family", ["wordpiece_cased", "bytelevel", "unigram"], indirect=True)
def test_the_head_runs_for_the_selected_tokens_alone_in_other_families(checkpoint, text, tmp_path):
    report = training.train(checkpoint, [text], tmp_path / "out", Recipe(steps=20, learning_rate=1e-2, **SHORT))
    assert report["after"]["short"]["loss"] < report["before"]["short"]["loss"]


def test_killed_it_goes_on_as_if_it_had_not_been(bert, text, tmp_path, monkeypatch):
    recipe = Recipe(steps=8, **SHORT)
    training.train(bert, [text], tmp_path / "whole", recipe)
    monkeypatch.setattr(training, "_SAVE_EVERY", 0)
    step, calls = learner.Learner.step, iter(range(100))

    def killed(self, batch, share):
        if next(calls) == 5:
            raise MemoryError
        return step(self, batch, share)

    monkeypatch.setattr(learner.Learner, "step", killed)
    with pytest.raises(MemoryError):
        training.train(bert, [text], tmp_path / "killed", recipe)
    monkeypatch.setattr(training, "write_tokens", None)  # texts are not read again
    report = training.train(bert, [text], tmp_path / "killed", recipe)
    assert next(calls) == 9, "five steps, the one that failed, and three more"
    assert report["steps"] == 8
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


def test_a_signal_stops_it_and_a_smaller_budget_ends_it(bert, text, tmp_path, monkeypatch):
    step = learner.Learner.step
    seen = []

    def signalled(self, batch, share):
        seen.append(share)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, share)

    monkeypatch.setattr(learner.Learner, "step", signalled)
    with pytest.raises(TrainingError, match="stopped and saved after 3 steps"):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=1000, **SHORT))
    assert not (tmp_path / "out").exists()
    report = training.train(bert, [text], tmp_path / "out", Recipe(steps=5, **SHORT))
    assert report["steps"] == 5
    assert seen[3:] == [3 / 5, 4 / 5]


def test_minutes_end_it(bert, text, tmp_path):
    report = training.train(bert, [text], tmp_path / "out", Recipe(minutes=0.5 / 60, **SHORT))
    assert report["steps"] > 1
    assert report["minutes"] < 5 / 60


def test_an_encoder_is_given_a_head(bert, text, tmp_path):
    encoder = tmp_path / "encoder"
    BertModel.from_pretrained(bert).save_pretrained(encoder)
    AutoTokenizer.from_pretrained(bert).save_pretrained(encoder)
    report = training.train(encoder, [text], tmp_path / "out", Recipe(steps=40, learning_rate=3e-3, **SHORT))
    _, missing = AutoModelForMaskedLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not missing["missing_keys"]
    assert report["after"]["short"]["loss"] < report["before"]["short"]["loss"]


def test_what_it_makes_can_be_exported(bert, text, tmp_path):
    from fillmask import FillMask
    from fillmask_export import Plan, export

    training.train(bert, [text], tmp_path / "out", Recipe(steps=40, learning_rate=1e-2, **SHORT))
    export(tmp_path / "out", tmp_path / "onnx", ["fp32"], plan=Plan(texts=CORPUS, masks=50, rounds=0))
    assert FillMask(tmp_path / "onnx").predict("The baker opens her [MASK].")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_it_trains_on_a_gpu_where_there_is_one(bert, text, tmp_path):
    settings = SHORT | {"device": None, "precision": "auto"}
    report = training.train(bert, [text], tmp_path / "out", Recipe(steps=60, learning_rate=1e-2, **settings))
    assert report["recipe"]["device"] == "cuda"
    assert report["after"]["short"]["loss"] < report["before"]["short"]["loss"]


def test_a_folder_that_exists_is_refused(bert, text, tmp_path):
    with pytest.raises(TrainingError, match="exists"):
        training.train(bert, [text], tmp_path, Recipe(steps=1))


def test_what_failed_before_the_first_step_can_be_tried_with_other_settings(bert, text, tmp_path):
    (tmp_path / "few.txt").write_text("One document.")
    with pytest.raises(TrainingError, match="too few"):
        training.train(bert, [tmp_path / "few.txt"], tmp_path / "out", Recipe(steps=2, **SHORT))
    assert training.train(bert, [text], tmp_path / "out", Recipe(steps=2, **SHORT))["steps"] == 2


def test_an_unfinished_training_with_other_settings_is_refused(bert, text, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_go_on", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=4, **SHORT))
    with pytest.raises(TrainingError, match="seed was 0, is 1"):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=4, seed=1, **SHORT))


def test_each_damaged_file_of_an_unfinished_training_is_named(bert, text, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_go_on", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=4, **SHORT))
    for name in ("state.pt", "training.json", "ids.bin", "sentences.npz"):
        path = tmp_path / "out.training" / name
        whole = path.read_bytes()
        for damaged in (b"", whole[: len(whole) // 2]):
            path.write_bytes(damaged)
            with pytest.raises(TrainingError, match=rf"{name}.* is damaged: .*; delete .*out\.training to start"):
                training.train(bert, [text], tmp_path / "out", Recipe(steps=4, **SHORT))
        path.write_bytes(whole)


def test_a_state_of_another_model_is_named(bert, text, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_go_on", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=4, **SHORT))
    torch.save({"model": {}}, tmp_path / "out.training" / "state.pt")
    with pytest.raises(TrainingError, match=r"state\.pt is damaged"):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=4, **SHORT))


def test_a_full_disk_while_texts_are_read_is_named(bert, text, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training, "write_tokens", full)
    with pytest.raises(TrainingError, match=r"out\.training cannot be written to: \[Errno 28\] No space"):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=4, **SHORT))


def test_a_link_to_nothing_is_refused(bert, text, tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="out is a link to nothing"):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=1))
    assert not (tmp_path / "out.training").exists()


def test_a_model_that_is_none_is_refused(text, tmp_path):
    with pytest.raises(TrainingError, match="cannot be loaded"):
        training.train(tmp_path, [text], tmp_path / "out", Recipe(steps=1))


def test_a_tokenizer_without_a_mask_token_is_refused(checkpoint_copy, text, tmp_path):
    named = checkpoint_copy / "special_tokens_map.json"  # transformers 5 writes none
    for name in ("tokenizer_config.json", *([named.name] if named.exists() else [])):
        settings = json.loads((checkpoint_copy / name).read_text())
        settings["mask_token"] = None
        (checkpoint_copy / name).write_text(json.dumps(settings))
    with pytest.raises(TrainingError, match="no fast tokenizer with a mask token"):
        training.train(checkpoint_copy, [text], tmp_path / "out", Recipe(steps=1))


def test_a_model_without_room_for_a_text_is_refused_before_texts_are_read(bert, text, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "write_tokens", None)
    message = "has 2 tokens .* adds 2 special ones; max_length must be at least 3"
    with pytest.raises(TrainingError, match=message):
        training.train(bert, [text], tmp_path / "out", Recipe(steps=1, **SHORT | {"max_length": 2}))
    assert not (tmp_path / "out.training").exists()


@pytest.mark.parametrize("settings", [{"max_length": 3}, {"max_length": 8}, {"short_length": 1}, {"seed": 2**63 - 1}])
def test_the_least_and_the_most_that_a_setting_may_be_is_trained_with(bert, text, tmp_path, settings):
    assert training.train(bert, [text], tmp_path / "out", Recipe(steps=2, **SHORT | settings))["steps"] == 2


def test_the_command_line_trains_and_says_how_the_scores_changed(bert, text, tmp_path):
    options = ["--steps", "2", "--max-length", "64", "--short-length", "48", "--precision", "fp32", "--device", "cpu"]
    out = tmp_path / "out"
    result = CliRunner().invoke(train_command, [str(bert), "--text", str(text), "--out", str(out), *options])
    assert result.exit_code == 0, result.output
    assert "short sequences, accuracy" in result.stdout
    assert "|" not in result.stderr  # a pipe gets no bars, nor those of transformers
    assert (out / "model.safetensors").exists()


def test_the_command_line_reports_an_error_in_a_line(bert, tmp_path):
    arguments = [str(bert), "--text", str(tmp_path / "text.pdf"), "--out", str(tmp_path / "out"), "--steps", "1"]
    result = CliRunner().invoke(train_command, arguments)
    assert result.exit_code == 2
    assert "unknown kind" in result.output


@pytest.mark.parametrize("device", ["foo", "cuda:99"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(bert, tmp_path, device):
    (tmp_path / "text.txt").write_text("a cat\n")
    arguments = [str(bert), str(tmp_path / "text.txt"), "--out", str(tmp_path / "out"), "--steps", "1"]
    result = CliRunner().invoke(train_command, [*arguments, "--device", device])
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (2, True)
    assert f"fillmask: device '{device}' cannot be used: " in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_an_artifact_is_no_encoder(tmp_path):
    (tmp_path / "text.txt").write_text("a cat\n")
    result = CliRunner().invoke(
        train_command, [str(EMBEDDED), str(tmp_path / "text.txt"), "--out", str(tmp_path / "out"), "--steps", "1"]
    )
    assert result.exit_code == 2
    assert "is an exported model folder; train the checkpoint that it was made from" in result.output


def test_a_revision_of_a_hub_encoder_reaches_the_training(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("fillmask.artifact.hub.find_commit", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(model, "_load", lambda *arguments, **options: asked.append((*arguments, options)) or 1 / 0)
    monkeypatch.setattr(model, "refuse_names", lambda *arguments: asked.append(arguments))
    (tmp_path / "text.txt").write_text("a cat\n")
    arguments = ["org/name@v1", str(tmp_path / "text.txt"), "--out", str(tmp_path / "out"), "--steps", "1"]
    assert isinstance(CliRunner().invoke(train_command, arguments).exception, ZeroDivisionError)
    assert asked == [("org/name", "v1")] * 3 + [(AutoConfig, "org/name", {"revision": "v1"})]


def test_every_setting_of_the_recipe_is_an_option_with_the_same_default():
    context = train_command.make_context("train", ["encoder", "--text", "a.txt", "--out", "out"])
    settings = {name: field.default for name, field in Recipe.__dataclass_fields__.items()}
    assert {name: context.params[name] for name in settings} == settings
    (precision,) = (option for option in train_command.params if option.name == "precision")
    assert tuple(precision.type.choices) == PRECISIONS
    assert context.params.keys() - settings.keys() == {"encoder", "files", "texts", "out", "revision"}
