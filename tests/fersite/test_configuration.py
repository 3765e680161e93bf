"""docs/configuration.md names every environment variable that the code reads, with its default, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("accounts", "bench", "classifier", "dashboard", "fersite", "local", "ml", "tests")
NAME = re.compile(r"[A-Z][A-Z0-9_]+")
READERS = {"env", "env_flag", "env_int", "env_float", "env_list", "require"}  # of fersite/settings.py
# Set by a tool for its own processes, or by us for a library: nothing to configure.
OTHERS = {"DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_TESTRUNUID", "TF_CPP_MIN_LOG_LEVEL", "DJANGO_ALLOW_ASYNC_UNSAFE"}
DEFINED_BY_MAKE = {"MAKEFILE_LIST", "MAKE"}


def read_table() -> dict[str, str]:
    """Each variable of the table with what the column of defaults says."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a variable is there twice"
    return dict(rows)


def find_trees() -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file of ours."""
    for place in PLACES:
        for path in (ROOT / place).rglob("*.py"):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def is_environment(node: ast.expr) -> bool:
    """`os.environ`, or a mapping that was handed on under its name."""
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )


def find_name(node: ast.AST) -> ast.expr | None:
    """What is read where `node` reads the environment: get, pop, [], in; not what is only set."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"get", "pop"}:
        return node.args[0] if is_environment(node.func.value) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "getenv":
        return node.args[0]
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.slice if is_environment(node.value) else None
    if isinstance(node, ast.Compare) and any(is_environment(right) for right in node.comparators):
        return node.left
    return None


def read_by_python() -> set[str]:
    """What any Python file reads from the environment itself; a WSGI environ is another thing."""
    found = set()
    for path, tree in find_trees():
        if any(isinstance(node, ast.Import) and node.names[0].name == "os" for node in ast.walk(tree)):
            names = [find_name(node) for node in ast.walk(tree)]
            texts = {name.value for name in names if isinstance(name, ast.Constant) and isinstance(name.value, str)}
            found |= {text for text in texts if NAME.fullmatch(text) and "wsgi" not in path.name}
    return found - OTHERS


def read_by_settings() -> dict[str, object]:
    """What settings read through their own functions, each with its default (None where it is no plain value)."""
    tree = ast.parse((ROOT / "fersite/settings.py").read_text())
    found: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READERS:
            name, *rest = [*node.args, *(word.value for word in node.keywords)]
            if not isinstance(name, ast.Constant):
                continue  # inside those functions
            default = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
            flag = node.func.id == "env_flag"
            found[str(name.value)] = int(bool(default)) if flag else None if node.func.id == "require" else default
    return found


def read_by_make() -> set[str]:
    """What the Makefile uses and does not define for good."""
    text = (ROOT / "Makefile").read_text()
    fixed = set(re.findall(r"^([A-Z_]+) :?=", text, re.MULTILINE))
    return set(re.findall(r"\$\(([A-Z_0-9]+)\)", text)) - fixed - DEFINED_BY_MAKE


def read_by_procfile() -> set[str]:
    """What its command lines take from the environment."""
    return set(re.findall(r"\$\{([A-Z_0-9]+)", (ROOT / "Procfile").read_text()))


def test_the_table_and_the_code_name_the_same_variables() -> None:
    used = read_by_python() | set(read_by_settings()) | read_by_make() | read_by_procfile()
    assert set(read_table()) == used


@pytest.mark.parametrize(("name", "default"), sorted(read_by_settings().items()))
def test_the_table_has_the_default_of_settings(name: str, default: object) -> None:
    said = read_table()[name]
    if default in (None, ""):
        assert said.startswith(("none", "as `")), f"settings have no default: {said}"
    else:
        assert said.split("`")[1] == str(default)
