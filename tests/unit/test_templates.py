"""Templates, and texts put into them."""

import pytest

from fillmask.errors import InputError, TooLongError
from fillmask.templates import fill_within, parse_template
from tests.support.goldens import golden


@pytest.mark.parametrize("template", ["{text} is a [MASK].", "a [MASK]: {text}", "{text}[MASK]", "a {mask} {text}"])
@pytest.mark.parametrize("text", ["", "the cat", "{text} [MASK] {mask}", "👩‍👩‍👧"])
def test_a_text_is_put_into_the_field_and_nowhere_else(native, template, text):
    parsed = parse_template(native.model, template)
    filled, mask = parsed.fill(text)
    assert filled == template.replace("{text}", text, 1)
    assert filled[mask.start : mask.end] in ("[MASK]", "{mask}")
    assert filled[: mask.start] + "[M]" + filled[mask.end :] == template.replace("[MASK]", "[M]").replace(
        "{mask}", "[M]"
    ).replace("{text}", text, 1)


@pytest.mark.parametrize(
    "template", ["", "{text}", "[MASK]", "{text} {text} [MASK]", "{text} [MASK] [MASK]", "{text} {mask} <mask>"]
)
def test_a_template_has_one_field_and_one_mask(native, template):
    with pytest.raises(
        InputError, match=r"a template has one \{text\} and one mask, such as '\{text\} It was \[MASK\]\.'"
    ):
        parse_template(native.model, template)


@pytest.mark.parametrize("template", [None, 3, "a\0{text} [MASK]"])
def test_a_template_is_a_text(native, template):
    with pytest.raises(InputError, match="template: "):
        parse_template(native.model, template)


def test_special_tokens_in_a_template_are_tokens():
    model = golden("wordpiece").model
    filled, mask = parse_template(model, "{text} [SEP] [MASK]").fill("the")
    assert filled[mask.start : mask.end] == "[MASK]"
    assert 3 in model.encoder.encode(filled).tolist()[1:-1]


@pytest.mark.parametrize("pieces", [1, 4])
@pytest.mark.parametrize("text", ["cat " * 30, "dogs, " * 30, "sat" * 30])
def test_a_text_is_cut_until_the_model_takes_it_and_not_much_more(native, text, pieces):
    template = parse_template(native.model, "a [MASK]: {text}.")
    with pytest.raises(TooLongError):
        fill_within(native.model, template, text, pieces, cut=False)
    filled, mask = fill_within(native.model, template, text, pieces, cut=True)
    size = native.model.encoder.encode(filled).size + pieces - 1
    assert native.max_length - 3 <= size <= native.max_length
    assert filled.endswith(".")
    assert filled[mask.start : mask.end] == "[MASK]"
    assert text.startswith(filled.removeprefix("a [MASK]: ").removesuffix("."))
