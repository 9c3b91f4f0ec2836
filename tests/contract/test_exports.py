import re
import subprocess
import sys

import pytest

import fillmask
from fillmask import errors

BRANCH = re.compile(r"(?P<indent>[│ ]*)[├└]── (?P<name>\w+)(?: \((?P<also>\w+)\))?")


def drawn():
    """The tree in the docstring of errors.py: names of the direct bases of each class."""
    bases, path = {}, []
    for line in errors.__doc__.splitlines():
        if re.fullmatch(r"    (FillMaskError|UserWarning)", line):
            path = [line.strip()]
        elif match := BRANCH.fullmatch(line[4:].partition("  ")[0]) or BRANCH.match(line[4:]):
            depth = len(match["indent"]) // 4 + 1
            path[depth:] = [match["name"]]
            bases[match["name"]] = [path[depth - 1], *([match["also"]] if match["also"] else [])]
    return bases


def defined():
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.__name__: [base.__name__ for base in kind.__bases__] for kind in classes}


def test_the_public_names_are_sorted_and_come_once():
    assert sorted(set(fillmask.__all__)) == fillmask.__all__


@pytest.mark.parametrize("name", fillmask.__all__)
def test_every_public_name_resolves_to_what_is_called_so(name):
    assert getattr(fillmask, name).__name__ == name


@pytest.mark.parametrize("package", ["fillmask", "fillmask_export"])
def test_completion_offers_the_public_names_and_no_others(package):
    script = f"import {package} as p; print(sorted(p.__all__) == sorted(n for n in dir(p) if not n.startswith('__')))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "True\n"


def test_type_checkers_know_what_a_call_gives(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from fillmask import FillMask\n"
        "fill_mask = FillMask()\n"
        "reveal_type(fill_mask('a'))\nreveal_type(fill_mask(['a']))\nreveal_type(fill_mask(x for x in 'a'))\n"
        "reveal_type(fill_mask('a')[0]['token_str'])\nreveal_type(fill_mask.predict('a')[0][0])\n"
    )
    mypy_api = pytest.importorskip("mypy.api", reason="make test-oldest installs no mypy")
    out, _, _ = mypy_api.run([str(script), "--cache-dir", str(tmp_path), "--follow-imports", "silent"])
    kinds = re.findall(r'Revealed type is "(.*)"', out)
    one = "list[TypedDict(fillmask.transformers_shape.PredictionDict, {...})]"
    short = [re.sub(r"\{.*?\}", "{...}", kind.replace("builtins.", "").replace("'", "")) for kind in kinds]
    short = [kind.removeprefix("typing.").removeprefix("collections.abc.") for kind in short]
    assert short == [one, f"list[{one}]", f"Iterator[{one}]", "str", "fillmask.tasks.predict.Prediction"]


def test_a_star_import_gives_exactly_the_public_names():
    namespace = {}
    exec("from fillmask import *", namespace)  # the subject of the test
    assert sorted(namespace.keys() - {"__builtins__"}) == fillmask.__all__


@pytest.mark.parametrize("name", ["fillmask", "Predictions", "_Private", "__wrapped__", ""])
def test_a_name_that_is_not_public_is_an_attribute_error_that_names_it(name):
    with pytest.raises(AttributeError, match=f"module 'fillmask' has no attribute {name!r}"):
        getattr(fillmask, name)


def test_every_error_and_warning_is_public():
    assert defined().keys() <= set(fillmask.__all__)


def test_the_version_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", fillmask.__version__)


def test_the_tree_of_errors_in_the_docstring_names_every_class():
    assert drawn().keys() == defined().keys() - {"FillMaskError"}


def test_the_tree_of_errors_in_the_docstring_is_that_of_the_classes():
    assert drawn() == {name: bases for name, bases in defined().items() if name != "FillMaskError"}
