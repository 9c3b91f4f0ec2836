"""Heat maps: what is drawn, by the objects of matplotlib, and the files."""

from __future__ import annotations

import errno
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh

from fillmask import InputError
from fillmask.heat_map import check_plot, draw_heat_map, make_figure, values_of
from fillmask.tasks.marginals import AMINO_ACIDS
from tests.support.proteins import WILD, load_protein, log_prob, put


@pytest.fixture(scope="module")
def protein(tmp_path_factory):
    return load_protein(tmp_path_factory.mktemp("models") / "protein")


def panels(figure):
    """The panels; the last axes are those of the color bar."""
    return figure.axes[:-1]


def meshes(figure):
    return [each for axes in panels(figure) for each in axes.collections if isinstance(each, QuadMesh)]


def dots(figure):
    """Where the dots are: the number of a position, and a row."""
    found = [each for axes in panels(figure) for each in axes.collections if isinstance(each, PathCollection)]
    return [tuple(map(int, point)) for each in found for point in each.get_offsets()]


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_a_color_is_the_log_odds_of_a_token_and_the_own_one(protein):
    figure = make_figure(protein.marginals(WILD))
    (mesh,) = meshes(figure)
    shown = np.asarray(mesh.get_array()).reshape(20, len(WILD))
    for index, own in enumerate(WILD):
        context = put(WILD, {index: "?"})
        expected = [log_prob(context, index, letter) - log_prob(context, index, own) for letter in AMINO_ACIDS]
        np.testing.assert_allclose(shown[:, index], expected, atol=4e-6)
    assert figure.axes[-1].get_ylabel() == "log p − log p of the own token ● (nats)"
    low, high = mesh.get_clim()
    assert low == -high < 0


def test_the_axes_name_positions_letters_and_the_own_tokens(protein):
    figure = make_figure(protein.marginals(WILD), offset=101)
    (axes,) = panels(figure)
    assert labels(axes.get_yticklabels()) == list(AMINO_ACIDS)
    assert labels(axes.get_xticklabels()) == list(WILD)
    assert list(axes.get_xticks()) == list(range(101, 111))
    (above,) = axes.child_axes
    assert list(above.get_xticks()) == [101, 105, 110]
    assert dots(figure) == [(101 + index, AMINO_ACIDS.index(letter)) for index, letter in enumerate(WILD)]
    assert axes.get_ylim() == (19.5, -0.5)  # the first letter on top


def test_an_alphabet_without_the_own_tokens_shows_log_probabilities(protein):
    found = protein.marginals(WILD, alphabet="KT")
    shown, name = values_of(found)
    assert name == "log p (nats)"
    np.testing.assert_array_equal(shown, found.log_probs)
    figure = make_figure(found)
    assert dots(figure) == [(2, 0), (3, 1), (8, 0)]
    assert meshes(figure)[0].get_clim()[1] == found.log_probs.max()


def test_a_long_sequence_has_panels_whose_columns_stand_below_each_other(protein):
    sequence = (AMINO_ACIDS * 9)[:170]
    figure = make_figure(protein.marginals(sequence, truncation="window"))
    assert [len(axes.get_xticks()) for axes in panels(figure)] == [80, 80, 10]
    assert [mesh.get_array().size for mesh in meshes(figure)] == [20 * 80] * 3
    assert len(dots(figure)) == 170
    assert len({mesh.get_clim() for mesh in meshes(figure)}) == 1


def test_words_are_written_as_they_are(native, tmp_path):
    found = native.marginals("the cat", alphabet=["dog", "cat"])
    (axes,) = panels(make_figure(found))
    assert labels(axes.get_xticklabels()) == ["the", "cat"]
    assert {tick.get_rotation() for tick in axes.get_xticklabels()} == {90}
    draw_heat_map(found, tmp_path / "words.svg")


def test_minus_infinity_is_drawn(protein, tmp_path):
    found = protein.marginals(WILD)
    found.log_probs[2] = -np.inf
    draw_heat_map(found, tmp_path / "a.png")
    assert np.isfinite(meshes(make_figure(found))[0].get_clim()).all()


def test_files_are_svg_or_png_and_the_same_matrix_gives_the_same_bytes(protein, tmp_path):
    found = protein.marginals(WILD)
    draw_heat_map(found, tmp_path / "a.svg")
    draw_heat_map(found, str(tmp_path / "b.SVG"))
    draw_heat_map(found, tmp_path / "a.png")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_whose_write_fails_leaves_the_earlier_one(protein, tmp_path, monkeypatch):
    def fail(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a.svg").write_text("earlier", encoding="utf-8")
    monkeypatch.setattr("fillmask.files.whole_file.os.fsync", fail)
    with pytest.raises(InputError, match=r"a\.svg cannot be written: No space left"):
        draw_heat_map(protein.marginals(WILD), tmp_path / "a.svg")
    assert [(file.name, file.read_text("utf-8")) for file in tmp_path.iterdir()] == [("a.svg", "earlier")]


def test_what_is_too_large_to_look_at_is_refused(protein, monkeypatch):
    monkeypatch.setattr("fillmask.heat_map._MOST_LETTERS", 19)
    with pytest.raises(InputError, match="at most 19 tokens, the alphabet has 20; name a smaller"):
        make_figure(protein.marginals(WILD))
    monkeypatch.setattr("fillmask.heat_map._MOST_PANELS", 0)
    with pytest.raises(InputError, match="at most 0 positions, the text has 10"):
        make_figure(protein.marginals(WILD, alphabet="A"))


def test_what_cannot_be_written_is_refused(protein, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"a plot is a file \.svg or \.png"):
        check_plot(tmp_path / "a.pdf")
    with pytest.raises(InputError, match="there is no folder"):
        check_plot(tmp_path / "none" / "a.svg")
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(InputError, match=r"a\.svg cannot be written"):
        draw_heat_map(protein.marginals(WILD), tmp_path / "a.svg")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install '\.\[plot\]'"):
        check_plot(tmp_path / "b.svg")
