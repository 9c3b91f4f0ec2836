import pytest

from fillmask_export.card import size, write_card

FIDELITY = {
    "masks": 2001,
    "max_score_difference": 2.345e-6,
    "top_1_agreement": 1.0,
    "top_5_agreement": 0.98765,
    "mean_kl": 0.00123,
    "accuracy": 0.5,
    "checkpoint_accuracy": 0.51,
    "not_finite": 0,
}
TIMING = {
    "cpu": "A Processor",
    "system": "Linux",
    "threads": 1,
    "rounds": 15,
    "checkpoint_ms": {"16": 20.0, "128": 80.0},
}
LIKELIHOODS = {
    "texts": 64,
    "tokens": 1904,
    "mean_log_prob_difference": 0.03125,
    "rank_correlation": None,
    "pairs": 99,
    "pairs_decided_alike": 0.975,
    "pairs_decided_rightly": 0.73,
    "fp32_decided_rightly": 0.74,
}
RANDOM = {"texts": 32, "not_finite": 0}
MANIFEST = {
    "source": {"checkpoint": "org/model", "revision": "0123456789abcdef"},
    "architecture": "BertForMaskedLM",
    "vocab_size": 30522,
    "max_length": 512,
    "mask_token": "[MASK]",
    "verification": {
        "pairs": "the lines of pairs.tsv",
        "masks": 2001,
        "origin": "the lines of texts.txt",
        "tokenizer": {"texts": 78},
        "timing": TIMING,
    },
    "passes": {"rows_at_masks": "36 nodes", "tied_table": "kept once"},
    "variants": {
        "fp32": {
            "file": "model.onnx",
            "weights": "model.onnx_data",
            "fidelity": FIDELITY,
            "batch_texts": 256,
            "unmasked_texts": FIDELITY | {"mean_kl": 1e-9, "mean_kl_of_others": 2e-9},
            "unmasked_verified": True,
            "batch_difference": 2e-8,
            "batch_invariant": True,
            "equal_length_difference": 4e-8,
            "equal_length_invariant": True,
            "random_texts": RANDOM,
            "long_texts": FIDELITY | {"tokens": 512, "mean_kl": 3.4e-3},
            "latency_ms": {"16": 6.0, "128": 40.0},
            "resident_bytes": 88_800_000,
        },
        "int8": {
            "file": "model_int8.onnx",
            "batch_texts": 200,
            "unmasked_texts": FIDELITY | {"mean_kl": 0.0234, "mean_kl_of_others": 0.0345},
            "unmasked_verified": False,
            "likelihoods": LIKELIHOODS,
            "batch_difference": 3e-7,
            "batch_invariant": True,
            "equal_length_difference": 5e-7,
            "equal_length_invariant": True,
            "fidelity": FIDELITY | {"accuracy": 0.4999},
            "quantization": "on scales",
            "random_texts": RANDOM,
            "long_texts": FIDELITY | {"tokens": 512, "mean_kl": 3.4e-3},
            "latency_ms": {"16": 2.5, "128": 8.0},
            "resident_bytes": None,
        },
    },
    "files": {
        "model.onnx": {"bytes": 412_345},
        "model.onnx_data": {"bytes": 90_000_000},
        "model_int8.onnx": {"bytes": 23_000_000},
        "tokenizer.json": {"bytes": 7_000_000},
    },
}


@pytest.fixture
def card(tmp_path):
    def write(checkpoint_card="", **changes):
        write_card(tmp_path, MANIFEST | changes, checkpoint_card)
        return (tmp_path / "README.md").read_text("utf-8")

    return write


def cells(text):
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


def test_a_card_begins_with_what_the_model_is(card):
    lines = card().split("---\n\n")[1].splitlines()
    assert lines[0] == "# org/model, exported by fillmask"
    assert "from `org/model` at revision `0123456789abcdef`: 30,522 tokens, texts of up to 512 tokens" in lines[2]


def test_a_folders_revision_is_not_mentioned(card):
    assert "revision" not in card(source={"checkpoint": "folder", "revision": None})


def test_the_table_has_a_column_for_each_variant_and_the_figures_of_the_manifest(card):
    table = cells(card())
    assert table["graph and weights on disk"] == ["90.4 MB", "23.0 MB"]
    assert table["masked-token accuracy"] == ["0.5000", "0.4999"]
    assert table["masked-token accuracy of the checkpoint"] == ["0.5100", "0.5100"]
    assert table["mean KL divergence from the checkpoint, nats"] == ["1.23e-03", "1.23e-03"]
    assert table["share of the checkpoint's first five kept"] == ["0.9877", "0.9877"]
    assert table["masks with NaN or infinity"] == ["0", "0"]
    padded = "largest difference of a score in padded batches from that alone, 200 texts"
    assert table[padded] == ["2.00e-08", "3.00e-07"]


def test_it_says_how_far_scores_of_texts_are_from_those_of_fp32(card):
    table = cells(text := card())
    assert table["mean KL divergence at tokens that are not masked, nats"] == ["1.00e-09", "2.34e-02"]
    assert table["mean KL divergence at tokens that are not masked, over the other tokens, nats"] == [
        "2.00e-09",
        "3.45e-02",
    ]
    assert table["reads tokens that are not masked"] == ["yes", "no"]
    assert table["mean difference of a token's log probability from fp32's, nats"] == ["–", "0.0312"]
    assert table["rank correlation of the texts' pseudo-log-likelihoods with fp32's"] == ["–", "–"]
    assert table["minimal pairs decided as by fp32"] == ["–", "0.9750"]
    assert "on 64 of the texts, cut to at most 32 tokens (1,904 tokens), and on 99 minimal pairs (the li" in text


def test_without_another_variant_than_fp32_scores_are_not_spoken_of(card):
    text = card(variants={"fp32": MANIFEST["variants"]["fp32"]})
    assert "minimal pairs" not in text
    assert "Pseudo-log-likelihoods" not in text


def test_costs_are_those_of_the_manifest_with_ratios_to_the_checkpoints(card):
    table = cells(card())
    assert table["memory of a process after its first prediction"] == ["89 MB", "not measured"]
    assert table["a run of 16 tokens; the checkpoint takes 20.00 ms"] == ["6.00 ms (0.30 ×)", "2.50 ms (0.12 ×)"]
    assert table["a run of 128 tokens; the checkpoint takes 80.00 ms"] == ["40.00 ms (0.50 ×)", "8.00 ms (0.10 ×)"]


def test_it_says_on_what_machine_times_hold(card):
    text = card()
    assert "Measured on A Processor (Linux) with 1 thread a run: medians of 15 rounds" in text
    assert "Times hold on the machine they were made on" in text


def test_what_was_not_timed_is_not_spoken_of(card):
    untimed = {name: value for name, value in MANIFEST["verification"].items() if name != "timing"}
    text = card(verification=untimed)
    assert cells(text)["graph and weights on disk"] == ["90.4 MB", "23.0 MB"]
    assert "Measured on" not in text
    assert " ms" not in text


def test_it_says_what_every_variant_passed(card):
    text = card()
    assert "No variant gives NaN or infinity on 32 texts of random tokens." in text
    assert "The engine reads and writes 78 difficult texts" in text


def test_of_fp16_it_says_that_no_gpu_ran_it(card):
    fp16 = MANIFEST["variants"]["int8"]
    assert "it was not run on a GPU" in card(variants=MANIFEST["variants"] | {"fp16": fp16})
    assert "GPU" not in card()


def test_a_size_is_that_of_the_graph_and_of_its_weights_if_it_has_any():
    fp32, int8 = (size(variant, MANIFEST["files"]) for variant in MANIFEST["variants"].values())
    assert (fp32, int8) == (90_412_345, 23_000_000)


def test_every_row_of_the_table_has_the_same_number_of_cells(card):
    rows = [line for line in card().splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4}


def test_it_says_what_was_measured_on_and_what_the_passes_did(card):
    text = card()
    assert "over 2,001 masks in the lines of texts.txt." in text
    assert "- rows at masks: 36 nodes\n- tied table: kept once\n- int8: on scales\n" in text


def test_the_checkpoints_card_follows_below_without_its_front_matter(card):
    text = card("---\nlicense: mit\n---\n# Model\n\nWords.\n## Use\n")
    assert text.endswith("## The checkpoint's own card\n\n### Model\n\nWords.\n#### Use\n")
    assert text.count("license: mit") == 1  # of the front matter


def test_without_a_checkpoints_card_there_is_no_heading_for_it(card):
    assert "own card" not in card("")


def test_a_line_of_dashes_that_is_no_front_matter_stays(card):
    assert card("---\nno end").endswith("---\nno end\n")


def test_comments_in_code_are_no_headings(card):
    code = "```python\n# load it\nload()\n```"
    assert code in card(f"# Model\n\n{code}\n")


def test_long_texts_have_a_row_of_their_own(card):
    assert "| mean KL divergence in texts of 512 tokens, nats | 3.40e-03 | 3.40e-03 |" in card()


def batches_of(card, **invariant):
    """What the card says of texts together, where variants are (batch_invariant, equal_length_invariant)."""
    keys = ("batch_invariant", "equal_length_invariant")
    variants = {
        name: MANIFEST["variants"]["int8"] | dict(zip(keys, each, strict=True)) for name, each in invariant.items()
    }
    (line,) = [line for line in card(variants=variants).splitlines() if "No variant gives NaN" in line]
    return line.partition(" No variant")[0]


def test_texts_of_equal_length_have_a_row_of_their_own(card):
    row = "largest difference of a score beside texts of the same length from that alone"
    assert cells(card())[row] == ["4.00e-08", "5.00e-07"]


def test_it_says_below_which_length_texts_may_be_padded(card):
    int8 = MANIFEST["variants"]["int8"] | {"batch_invariant": True}
    text = card(variants={"fp32": int8, "int8": int8 | {"padded_below": 384}})
    kept = "keep their scores when they are padded and run together"
    assert f"Texts of any lengths {kept} (fp32). Texts of fewer than 384 tokens {kept} (int8)." in text


def test_it_says_which_texts_may_run_together(card):
    padded = "Texts of any lengths keep their scores when they are padded and run together"
    equal = "Only texts of equal length keep their scores when they are run together"
    alone = "Texts keep their scores only when they are run alone"
    assert batches_of(card, fp32=(True, True), int8=(True, True)) == f"{padded} (fp32, int8)."
    assert batches_of(card, fp32=(True, True), int8=(False, True)) == f"{padded} (fp32). {equal} (int8)."
    assert batches_of(card, fp32=(False, True), int8=(False, False)) == f"{equal} (fp32). {alone} (int8)."
