"""The passes know operators, not architectures: checkpoints of many, exported and asked beside transformers."""

import json

import pytest

from fillmask import FillMask

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}
DISENTANGLED = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False}
# The tokenizer's family, and what a configuration has besides the sizes.
ARCHITECTURES = {
    "Albert": ("wordpiece", {"embedding_size": 16}),
    "Camembert": ("bytelevel", {}),
    "ConvBert": ("wordpiece", {"embedding_size": 32}),
    "Deberta": ("wordpiece", DISENTANGLED),
    "DebertaV2": ("wordpiece", DISENTANGLED | {"share_att_key": True, "position_buckets": 16}),
    "Electra": ("wordpiece", {"embedding_size": 16}),
    "Esm": ("bytelevel", {"position_embedding_type": "rotary", "token_dropout": True}),
    "MPNet": ("wordpiece", {}),
    "MobileBert": (
        "wordpiece",
        {"embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16, "intermediate_size": 32},
    ),
    "ModernBert": ("bytelevel", {"local_attention": 16, "global_attn_every_n_layers": 2, "num_hidden_layers": 3}),
    "RoFormer": ("wordpiece", {"embedding_size": 32}),
    "SqueezeBert": (
        "wordpiece",
        {"embedding_size": 32}
        | dict.fromkeys(("q_groups", "k_groups", "v_groups", "post_attention_groups", "output_groups"), 1)
        | {"intermediate_groups": 1},
    ),
}
# A convolution, a window of three words, or a share of masks over all tokens: padding beside a text moves its scores,
# in PyTorch too.
PADDING_COUNTS = {"ConvBert", "Esm", "MobileBert"}
TEXTS = [
    "The {mask} sleeps.",
    "In the morning the {mask} of the house opens the {mask} and looks at the river.",
    "{mask} bread, two apples and a piece of cheese lay on the table in the old {mask}, and nobody ate {mask}.",
]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def checkpoint(name, checkpoint_of, tmp_path_factory):
    family, settings = ARCHITECTURES[name]
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint_of(family))
    ids = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "mask_token_id": tokenizer.mask_token_id,
    }
    config = getattr(transformers, f"{name}Config")(**SMALL | ids | settings)
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForMaskedLM")(config)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.2)
    folder = tmp_path_factory.mktemp(name)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def artifact(checkpoint, tmp_path_factory):
    from fillmask_export import Plan, export

    out = tmp_path_factory.mktemp("artifact") / "out"
    # Random networks this narrow are harder on int8 than trained ones.
    export(checkpoint, out, plan=Plan(masks=100, max_kl=0.05, max_accuracy_loss=0.05))
    return out


def test_every_answer_is_that_of_transformers(checkpoint, artifact):
    reference = transformers.pipeline("fill-mask", model=str(checkpoint), device="cpu")
    engine = FillMask(artifact, variant="fp32", threads=1)
    for text in TEXTS:
        asked = text.format(mask=reference.tokenizer.mask_token)
        # Not every model takes token types, and these tokenizers give them to all.
        theirs = reference(asked, tokenizer_kwargs={"return_token_type_ids": False})
        ours = engine(asked)
        if text.count("{mask}") == 1:
            ours, theirs = [ours], [theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert [answer["token"] for answer in one] == [answer["token"] for answer in other]
            assert one[0]["score"] == pytest.approx(other[0]["score"], abs=1e-5)


def test_whether_a_text_depends_on_its_batch_is_measured(artifact, name):
    variants = json.loads((artifact / "fillmask.json").read_text())["variants"]
    assert variants["fp32"]["batch_invariant"] is (name not in PADDING_COUNTS)
