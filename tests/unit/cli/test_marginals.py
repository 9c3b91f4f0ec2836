import csv
import io

import pytest
from click.testing import CliRunner

from fillmask.cli import marginals as marginals_command
from fillmask.cli.main import main
from tests.support.proteins import WILD, load_protein

MUTANTS = ["K2R", "M1A:T3W", "R10R"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "protein"


@pytest.fixture(scope="module")
def protein(folder):
    return load_protein(folder)


@pytest.fixture
def marginals(protein, folder):
    """Run ``fillmask marginals`` and give its result."""
    return lambda *arguments, **options: CliRunner().invoke(
        main, ["marginals", "-m", str(folder), *arguments], **options
    )


def table(result):
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_matrix_is_csv_with_a_column_for_each_letter(marginals, protein):
    rows = table(marginals(WILD))
    found = protein.marginals(WILD)
    assert [*rows[0]] == ["position", "text_token", *found.alphabet]
    assert [row["text_token"] for row in rows] == list(WILD)
    assert [int(row["position"]) for row in rows] == list(range(1, 11))
    assert float(rows[3]["C"]) == pytest.approx(found.log_probs[3, 1], rel=1e-5)


def test_a_carriage_return_among_the_letters_ends_no_line(marginals, monkeypatch):
    monkeypatch.setattr(marginals_command, "_matrix", lambda *_: [["position", "a\rb"], ["1", "0"]])
    assert marginals(WILD).stdout_bytes == b'position,"a\rb"\n1,0\n'


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_a_sequence_comes_from_standard_input(marginals, arguments):
    assert marginals(*arguments, input=f"{WILD}\n").stdout == marginals(WILD).stdout
    for lines in ("", "MK\nTA\n"):
        refused = marginals(*arguments, input=lines)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert f"must hold one line, the SEQUENCE, and has {lines.count(chr(10))}; fillmask batch" in refused.stderr


def test_an_alphabet_and_unmasked_positions_can_be_chosen(marginals, protein):
    rows = table(marginals("--alphabet", "CA", "--unmasked", "--offset", "0", WILD))
    assert [*rows[0].items()][:2] == [("position", "0"), ("text_token", "M")]
    expected = protein.marginals(WILD, alphabet="CA", masked=False).log_probs
    assert [float(row["A"]) for row in rows] == pytest.approx(expected[:, 1].tolist(), rel=1e-5)


@pytest.mark.parametrize("fill", ["wild", "mask", "mutant", "match"])
@pytest.mark.parametrize("form", ["lines", "csv"])
def test_variants_are_scored(marginals, protein, tmp_path, form, fill):
    lines = MUTANTS if form == "lines" else ["DMS_score,mutant", *(f"0.5,{mutant}" for mutant in MUTANTS)]
    (tmp_path / "variants").write_text("\n".join(lines) + "\n\n")
    rows = table(marginals("--variants", str(tmp_path / "variants"), "--fill", fill, WILD))
    assert [row["mutant"] for row in rows] == MUTANTS
    expected = protein.marginals(WILD).variants(MUTANTS, fill=fill)
    assert [float(row["score"]) for row in rows] == pytest.approx(expected.tolist(), rel=1e-4, abs=1e-6)


def test_mutations_separated_by_commas_are_one_variant(marginals):
    rows = table(marginals("--variants", "-", WILD, input="M1A,T3W\n"))
    assert [row["mutant"] for row in rows] == ["M1A,T3W"]


@pytest.mark.parametrize("content", ["K2R\n", "mutant,score\nK2R,1\n"])
def test_variants_may_begin_with_a_byte_order_mark(marginals, tmp_path, content):
    (tmp_path / "variants").write_text(content, "utf-8-sig")
    assert [row["mutant"] for row in table(marginals("--variants", str(tmp_path / "variants"), WILD))] == ["K2R"]
    piped = marginals("--variants", "-", WILD, input=content.encode("utf-8-sig"))
    assert [row["mutant"] for row in table(piped)] == ["K2R"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("K2R\nA2K\n", [], "'A2K': position 2 is 'K'; check the offset (1)"),
        ("K2R\n", ["--offset", "3"], "'K2R': there is no position 2; they run from 3 to 12"),
        ("K2J\n", [], "'K2J': 'J' is not in the alphabet"),
        ("K2R\n", ["--alphabet", "KA"], "'K2R': 'R' is not in the alphabet"),
        ("K2R:K2A\n", [], "the variant 'K2R:K2A' changes a position twice"),
        ("K2R\n", ["--fill", "mask", "--unmasked"], "fill 'mask' masks the mutated positions"),
    ],
)
def test_variants_that_do_not_fit_are_refused_before_the_model_runs(marginals, runs, content, options, message):
    result = marginals("--variants", "-", *options, WILD, input=content)
    assert (result.exit_code, result.stdout, runs) == (1, "", [])
    assert message in result.stderr


def test_no_variants_are_a_table_without_rows(marginals):
    assert marginals("--variants", "-", WILD, input="").stdout == "mutant,score\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"M1A\n\xff\n", "cannot be read after line 0: 'utf-8' codec can't decode"),
        (b"a" * 200_000, "cannot be read after line 1: field larger than field limit"),
        (b"id,mutant\nx,M1A\ny\n", ", line 3 has no column mutant"),
    ],
)
def test_a_file_of_variants_that_cannot_be_read_is_a_line_before_the_model_is_loaded(tmp_path, content, message):
    (tmp_path / "variants").write_bytes(content)
    arguments = ["marginals", "-m", str(tmp_path / "none"), "--variants", str(tmp_path / "variants"), WILD]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"fillmask: {tmp_path / 'variants'}" in result.stderr
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["AA" * 20], 1, "truncation 'window'"),
        (["--alphabet", "J", WILD], 2, "'J' in the alphabet is not a token of the model"),
        (["--variants", "-", WILD], 1, "position 2 is 'K'"),
        (["-", "--variants", "-"], 2, "standard input holds the --variants; give the SEQUENCE as an argument"),
        (["--variant", "q4", WILD], 2, "has no variant 'q4'"),
        (["--fill", "all", WILD], 2, "Invalid value for '--fill'"),
        (["--fill", "wild", WILD], 2, "--fill says how --variants are scored; give --variants, or leave out --fill"),
    ],
)
def test_what_is_wrong_is_a_line_and_an_exit_code(marginals, arguments, code, message):
    result = marginals(*arguments, input="A2K\n")
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr


@pytest.mark.parametrize("plot", [(), ("--plot", "map.svg")])
def test_a_vocabulary_of_words_is_no_default_alphabet(plot):
    result = CliRunner().invoke(main, ["marginals", WILD, *plot])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "fillmask: minilm-en has 30,522 tokens, and each would be a column; name the characters to read with "
        "--alphabet, or for a protein take a model of proteins with -m FOLDER\n"
    )


def test_an_alphabet_and_variants_need_no_model_of_proteins():
    assert [*table(CliRunner().invoke(main, ["marginals", "a cat", "--alphabet", "ab"]))[0]][2:] == ["a", "b"]
    result = CliRunner().invoke(main, ["marginals", WILD, "--variants", "-"], input="K2R\n")
    assert result.exit_code == 1
    assert "take a model that reads one letter a token" in result.stderr


def test_a_plot_takes_the_place_of_the_matrix(marginals, tmp_path):
    result = marginals("--plot", str(tmp_path / "map.svg"), "--offset", "5", WILD)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "map.svg").read_text().startswith("<?xml")


def test_variants_are_scored_beside_a_plot(marginals, tmp_path):
    rows = table(marginals("--plot", str(tmp_path / "map.png"), "--variants", "-", WILD, input="K2R\n"))
    assert [row["mutant"] for row in rows] == ["K2R"]
    assert (tmp_path / "map.png").exists()


def test_a_plot_that_cannot_be_drawn_is_refused_before_the_model_runs(marginals, tmp_path):
    result = marginals("--plot", str(tmp_path / "map.gif"), "-m", str(tmp_path / "none"), WILD)
    assert result.exit_code == 2
    assert "a plot is a file .svg or .png" in result.stderr
