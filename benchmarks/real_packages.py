"""Take packages that we did not write through the verified migration; print the table of them.

Each is a source distribution from PyPI, pinned by version and digest, that carries its own tests.
A seeded draw puts ``@cacheable`` on twenty of its functions; then ``afml-codemod migrate --verify``
runs with the package's own tests, in a git repository and a cache made for it. Nothing of a package
is part of this repository.

    python benchmarks/real_packages.py [NAME...]     # the tables of docs/real_packages.md
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SEED = 20261128
DRAWN = 20
PYTEST = "pytest -q -p no:cacheprovider -p no:benchmark"


@dataclass(frozen=True, slots=True)
class Package:
    """A source distribution that carries its tests.

    Attributes
    ----------
    name, version, sha256, licence : str
        Of the file on PyPI.
    sources : str
        The folder of the package in it.
    needs : tuple of str
        What has to be importable for its tests.
    tests : str
        Arguments for pytest.
    not_these : mapping
        Functions that are not drawn -> why: their own tests fail under ``@cacheable`` already.
    not_with : mapping
        Parameters; functions that have one are not drawn -> why.
    """

    name: str
    version: str
    sha256: str
    licence: str
    sources: str
    needs: tuple[str, ...] = ()
    tests: str = ""
    not_these: Mapping[str, str] = field(default_factory=dict)
    not_with: Mapping[str, str] = field(default_factory=dict)

    @property
    def verify(self) -> str:
        """The command that runs its tests."""
        return f"{PYTEST} {self.tests}".strip()


DOWNLOADS = "it downloads, and its test counts the requests"

#: Functions of toolz.
LAZY = (
    *("concat", "concatv", "cons", "drop", "interpose", "mapcat", "merge_sorted", "partition"),
    *("peek", "peekn", "pluck", "random_sample", "remove", "rest", "sliding_window", "take"),
    *("take_nth", "unzip"),
)

PACKAGES = (
    Package(
        "empyrical-reloaded",
        "0.7.1",
        "02eb79f151b98cc59c4cb87cee57589836d9427b01846ceb0da2170ae129a1c6",
        "Apache-2.0",
        "src/empyrical",
        needs=("scipy",),
        not_these={
            "get_symbol_returns_from_yahoo": DOWNLOADS,
            "get_returns_cached": "it keeps a file up to date, and its test looks at the file",
        },
        not_with={"out": "it writes into this argument, which its callers leave uninitialised"},
    ),
    Package(
        "numpy-financial",
        "1.0.0",
        "f84341bc62b2485d5604a73d5fac7e91975b4b9cd5f4a5a9cf608902ea00cb40",
        "BSD-3-Clause",
        "numpy_financial",
    ),
    Package(
        "toolz",
        "1.2.0",
        "9667a038e9d6ecba37995e26cb2f59ec6420b6ad8dd9677de59db9b956b08490",
        "BSD-3-Clause",
        "toolz",
        not_these=dict.fromkeys(LAZY, "it returns an iterator, which can be read but once"),
    ),
    Package(
        "inflection",
        "0.5.1",
        "1a29730d366e996aaacffb2f1f1cb9593dc38e2ddd30c91250c6dde09ea9b417",
        "MIT",
        ".",
    ),
)


class NoIndexError(Exception):
    """The package cannot be had here; the message is pip's."""


# ---------------------------------------------------------------------------------- the repository


def fetch(package: Package, folder: Path) -> Path:
    """Download and unpack the source distribution; the folder that it unpacks to.

    Raises
    ------
    NoIndexError
        pip cannot get it.
    ValueError
        What it got is not the file that was pinned.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    done = subprocess.run(
        [*command, "--dest", str(folder), f"{package.name}=={package.version}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise NoIndexError(f"pip cannot download {package.name}: {done.stderr.strip()[-300:]}")
    (archive,) = folder.glob("*.tar.gz")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        raise ValueError(f"{archive.name} has the digest {found}, not {package.sha256}")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()
    (unpacked,) = folder.iterdir()
    return unpacked


def candidates(package: Package, root: Path) -> Iterator[tuple[Path, str, int]]:
    """The public functions at the top of its modules that nothing decorates, with their lines."""
    for file in sorted((root / package.sources).rglob("*.py")):
        inside = file.relative_to(root / package.sources)
        if any(part.startswith(("test", "conftest", "setup")) for part in inside.parts):
            continue
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                parameters = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
                fine = not node.name.startswith("_") and node.name not in package.not_these
                if fine and not parameters & package.not_with.keys() and not _is_generator(node):
                    yield file, node.name, node.lineno


def seed(package: Package, root: Path, drawn: int = DRAWN) -> list[str]:
    """Put ``@cacheable`` on so many of its functions; which, by name.

    A package may have fewer that come into question; then on all of these.
    """
    found = list(candidates(package, root))
    chosen = random.Random(SEED).sample(found, min(drawn, len(found)))
    for file in {file for file, _, _ in chosen}:
        lines = file.read_bytes().splitlines(keepends=True)  # of bytes: a form feed ends no line
        for _, _, line in sorted(
            (one for one in chosen if one[0] == file), key=lambda one: -one[2]
        ):
            lines.insert(line - 1, b"@cacheable\n")
        lines.insert(_after_the_head(file), b"from afml_cache import cacheable\n")
        file.write_bytes(b"".join(lines))
    return sorted(name for _, name, _ in chosen)


def _is_generator(function: ast.FunctionDef) -> bool:
    inner: list[ast.AST] = list(function.body)
    while inner:
        node = inner.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inner.extend(ast.iter_child_nodes(node))
    return False


def _after_the_head(file: Path) -> int:
    """The line behind the docstring and the imports from ``__future__``."""
    line = 0
    for node in ast.parse(file.read_bytes()).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_docstring or is_future):
            break
        line = node.end_lineno or line
    return line


# ----------------------------------------------------------------------------------- the migration


@dataclass(frozen=True, slots=True)
class Went:
    """What came of one package."""

    package: Package
    root: Path
    functions: list[str]  #: that were decorated
    before: dict[str, bytes]  #: its files, decorated and not migrated
    code: int
    told: str
    seconds: float

    @property
    def report(self) -> dict[str, Any]:
        """What the migration has written for machines."""
        found: dict[str, Any] = json.loads((self.root / "migration-report.json").read_text())
        return found

    def files(self) -> dict[str, bytes]:
        """The Python files as they are now."""
        return _files(self.root)

    def codemod(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run afml-codemod in its repository."""
        return _run(self.root, [sys.executable, "-m", "codemods.cli", *arguments])

    def tests(self) -> subprocess.CompletedProcess[str]:
        """Run its tests as they stand, with an empty cache and nothing that records."""
        words = [*PYTEST.split()[1:], *self.package.tests.split()]
        return _run(self.root, [sys.executable, "-m", "pytest", *words], cache=".empty-cache")

    def named(self, became: str) -> set[str]:
        """The functions that this became of."""
        return {one["function"] for one in self.report["functions"] if one["became"] == became}


def migrate(package: Package, folder: Path, *more: str) -> Went:
    """Fetch it, decorate it, and take it through the migration."""
    folder.mkdir(parents=True, exist_ok=True)
    root = fetch(package, folder)
    functions = seed(package, root)
    with (root / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write("migration-report.*\n")
    identity = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    for arguments in (["init"], ["add", "--all"], ["commit", "--message", "Decorated"]):
        _run(root, ["git", *identity, *arguments]).check_returncode()
    before = _files(root)
    began = time.perf_counter()
    command = [sys.executable, "-m", "codemods.cli", "migrate", "--verify", package.verify, *more]
    done = _run(root, command)
    seconds = time.perf_counter() - began
    told = done.stdout + done.stderr
    return Went(package, root, functions, before, done.returncode, told, seconds)


def _run(root: Path, command: list[str], cache: str = ".cache") -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AFML_", "PYTEST_"))}
    ours = {
        "AFML_CACHE": str(root.parent / cache),
        "AFML_CACHE_SECRET": "of a package",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "120",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    return subprocess.run(
        command,
        cwd=root,
        env=kept | ours,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


def _files(root: Path) -> dict[str, bytes]:
    return {str(one.relative_to(root)): one.read_bytes() for one in sorted(root.rglob("*.py"))}


# --------------------------------------------------------------------------------------- the table

HEAD = (
    *("package", "version", "licence", "functions", "tests", "calls", "served before"),
    *("served after", "migrated", "rolled back", "left alone", "seconds"),
)


def row(went: Went) -> tuple[object, ...]:
    """One package's row of the table."""
    report, package = went.report, went.package
    called = [one for one in report["functions"] if one["before"] and one["after"]]
    before, after = (_served(one[when] for one in called) for when in ("before", "after"))
    tests = next(one["measured"] for one in report["criteria"] if "tests" in one["name"])
    return (
        *(package.name, package.version, package.licence, len(went.functions), tests.split()[-2]),
        *(before[1], f"{before[0] / before[1]:.1%}", f"{after[0] / after[1]:.1%}"),
        *(len(went.named(one)) for one in ("migrated", "rolled back", "left: differs by itself")),
        round(went.seconds),
    )


def why(went: Went) -> Iterator[str]:
    """A sentence on each function that is not migrated."""
    for one in went.report["functions"]:
        if one["became"] != "migrated":
            yield f"`{went.package.name}`, `{one['function']}`: {one['became']}. {one['why'][0]}"


def _served(calls: Iterable[Mapping[str, int]]) -> tuple[int, int]:
    """How many calls did not run the function, and how many there were."""
    served = total = 0
    for one in calls:
        served += one["hits"] + one["adopted"]
        total += one["hits"] + one["adopted"] + one["computed"]
    return served, total


def main() -> None:
    """Take the named packages, or all, through it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keep", type=Path, help="do it in this folder, and leave it there")
    wanted = parser.parse_args()
    print("|", " | ".join(HEAD), "|")
    print("|", " | ".join("---" for _ in HEAD), "|")
    reasons: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        for package in PACKAGES:
            if not wanted.names or package.name in wanted.names:
                went = migrate(package, (wanted.keep or Path(made)) / package.name)
                if went.code not in (0, 1):
                    raise SystemExit(f"{package.name}: {went.told}")
                print("|", " | ".join(map(str, row(went))), "|", flush=True)
                reasons += why(went)
    print("\n" + "\n".join(f"- {one}" for one in reasons))


if __name__ == "__main__":
    main()
