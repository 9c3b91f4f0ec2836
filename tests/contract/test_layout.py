"""What every file of the engine keeps to: sizes, words, no circle of imports, and a test module for each."""

import ast
import re
from pathlib import Path

import pytest

import fillmask

ENGINE = Path(fillmask.__file__).parent
UNIT = Path(__file__).parents[1] / "unit"

MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 40
MAX_POSITIONAL = 5
# Beside transformers these words mean another task, question answering.
WORDS = re.compile("question|answer", re.IGNORECASE)
# Lines that keep such a word, each for its reason.
ALLOWED = {
    "artifact/manifest.py": ['_EARLIER_KEYS = {"answers": "expected"}'],  # folders of earlier versions stay readable
}


SOURCES = {path.relative_to(ENGINE): path.read_text(encoding="utf-8") for path in sorted(ENGINE.rglob("*.py"))}
PAGES = {path.relative_to(ENGINE): path.read_text(encoding="utf-8") for path in ENGINE.glob("server/page/*.html")}


def offences(check, sources=SOURCES):
    """What a check finds in each file, those aside where it finds nothing."""
    found = {path.as_posix(): check(path, source) for path, source in sources.items()}
    return {path: offence for path, offence in found.items() if offence}


# Sizes


def functions(source):
    """Every function of a module, the nested ones and methods included."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def line_count(function):
    """Lines of a function from its ``def`` on, without its docstring."""
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = function.body[0].end_lineno - function.body[0].lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


def positional_count(function):
    """Parameters that may be given by place, ``self`` and ``cls`` aside."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(names[1:] if names[:1] in (["self"], ["cls"]) else names)


def measured(measure, limit):
    """The functions of each module whose measure exceeds its limit."""
    return offences(
        lambda _, source: {each.name: size for each in functions(source) if (size := measure(each)) > limit}
    )


def test_no_module_is_too_long():
    lines = {path.as_posix(): len(source.splitlines()) for path, source in SOURCES.items()}
    assert {path: count for path, count in lines.items() if count > MAX_MODULE_LINES} == {}


def test_no_function_is_too_long():
    assert measured(line_count, MAX_FUNCTION_LINES) == {}


def test_no_function_takes_too_many_parameters_by_place():
    assert measured(positional_count, MAX_POSITIONAL) == {}


def test_the_measures_of_a_function_are_those_of_its_code():
    lines = [
        "class A:",
        "    @d",
        "    def f(self, a, /, b, *, c):",
        '        """One.',
        "",
        '        Two."""',
        "        return 1",
    ]
    (function,) = functions("\n".join(lines))
    assert (line_count(function), positional_count(function)) == (2, 2)
    assert positional_count(functions("def f(a, b, *rest): ...")[0]) == 2


# Words


def lines_with_words(path, text):
    """The lines of a file with one of the words, those aside that are allowed."""
    allowed = ALLOWED.get(path.as_posix(), [])
    return [line for line in text.splitlines() if WORDS.search(line) and line.strip() not in allowed]


def test_no_file_uses_the_words_of_another_task():
    assert PAGES
    assert offences(lines_with_words, SOURCES | PAGES) == {}


@pytest.mark.parametrize("name", ALLOWED)
def test_every_exception_is_still_needed(name):
    lines = [line.strip() for line in (ENGINE / name).read_text(encoding="utf-8").splitlines()]
    assert set(ALLOWED[name]) <= set(lines)


def test_the_words_are_seen_in_any_form():
    text = "class _Question:\n    fine = 1\nANSWERED = answers"
    assert lines_with_words(Path("a.py"), text) == ["class _Question:", "ANSWERED = answers"]


# Imports


def module_name(path):
    return ".".join(part for part in ("fillmask", *path.with_suffix("").parts) if part != "__init__")


def imported_at_once(source):
    """What a module imports when it is imported itself: not in a function, and not for type checkers alone."""
    nodes = list(ast.parse(source).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            nodes += ast.iter_child_nodes(node)


def graph_of(sources):
    """For each module the modules of the engine that it needs, the packages that they are in included."""
    graph = {}
    for name, source in sources.items():
        needed = set()
        for imported in imported_at_once(source):
            parts = imported.split(".")
            needed |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
        graph[name] = sorted((needed & sources.keys()) - {name})
    return graph


def circle(graph):
    """Modules that import each other in turn; none where there is no such circle."""
    done = set()

    def visit(name, path):
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        found = next(filter(None, (visit(needed, [*path, name]) for needed in graph[name])), [])
        done.add(name)
        return found

    return next(filter(None, (visit(name, []) for name in graph)), [])


def test_no_modules_import_each_other_in_a_circle():
    assert circle(graph_of({module_name(path): source for path, source in SOURCES.items()})) == []


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ({"a": "import b", "b": "import c", "c": "from a import x"}, ["a", "b", "c", "a"]),
        ({"a": "import b", "b": "import c", "c": ""}, []),
        ({"a": "import b", "b": "def f():\n    import a"}, []),
        ({"a": "import b", "b": "if TYPE_CHECKING:\n    import a"}, []),
        ({"a": "import b", "b": "if TYPE_CHECKING:\n    pass\nelse:\n    import a"}, ["a", "b", "a"]),
        ({"a": "import b", "b": "try:\n    import a\nexcept ImportError:\n    pass"}, ["a", "b", "a"]),
        ({"p": "from p import m", "p.m": "import p"}, ["p", "p.m", "p"]),
        ({"p": "import q", "p.m": "", "q": "from p.m import x"}, ["p", "q", "p"]),
        ({"p": "", "p.m": "from p.n import x", "p.n": "from p import x"}, []),
    ],
)
def test_this_check_sees_every_circle(sources, found):
    assert circle(graph_of(sources)) == found


def test_no_import_is_relative():
    assert offences(lambda _, source: [name for name in imported_at_once(source) if name[0] == "."]) == {}


# Tests


def module_of(test):
    """The module that a test module is of: its name begins with the module's."""
    stem, folder = test.stem.removeprefix("test_"), ENGINE / test.parent
    names = [path.stem for path in folder.glob("*.py") if f"{stem}_".startswith(f"{path.stem}_")]
    return test.parent / f"{max(names, key=len)}.py" if names else None


TESTS = sorted(path.relative_to(UNIT) for path in UNIT.rglob("test_*.py"))


def test_every_test_module_is_of_a_module():
    assert [test.as_posix() for test in TESTS if module_of(test) is None] == []


def test_every_module_has_a_test_module():
    """The server is tested whole, in tests/server."""
    modules = {path for path in SOURCES if path.stem not in {"__init__", "__main__"} and path.parts[0] != "server"}
    assert modules - {module_of(test) for test in TESTS} == set()


@pytest.mark.parametrize(
    ("test", "module"),
    [
        ("test_pipeline.py", "pipeline.py"),
        ("test_pipeline_object.py", "pipeline.py"),
        ("artifact/test_tokenizer_overrides.py", "artifact/tokenizer_overrides.py"),
        ("artifact/test_tokenizer_special_tokens.py", "artifact/tokenizer.py"),
        ("test_pipelines.py", None),
        ("runtime/test_pipeline.py", None),
    ],
)
def test_a_test_module_is_of_the_module_with_the_longest_name(test, module):
    assert module_of(Path(test)) == (module and Path(module))
