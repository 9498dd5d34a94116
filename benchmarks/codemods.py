"""Time ``afml-codemod`` on a big tree, beside its peers; write ``benchmarks/CODEMODS.md``.

The tree is the standard library of the running Python with the sources of pandas and
scikit-learn; 200 of its files are seeded with an import and decorators. Every arm is a whole
process on a fresh copy of the same tree, the arms take turns, and what is compared are medians of
one run. Peers that are not installed are left out: `pip install ast-grep-cli pyupgrade
django-upgrade`.

    python benchmarks/codemods.py [--rounds 5] [--slow]
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
SEEDED = 200
SEED = 20261128
PATIENCE = 240.0  #: seconds, after which a slow peer is stopped and counted with these

#: A plain parse and code generation of the files that match, in one process.
LIBCST = """
import sys, libcst
for name in sys.stdin.read().splitlines():
    data = open(name, "rb").read()
    libcst.parse_module(data).code
"""

#: The least that a tool which resolves names could do with the standard library.
AST = """
import ast, symtable, sys
for name in sys.stdin.read().splitlines():
    data = open(name, "rb").read()
    ast.parse(data)
    symtable.symtable(data, name, "exec")
"""

RULES = """
id: decorator
language: python
rule: {pattern: cacheable, inside: {kind: decorator}}
fix: robust_cacheable
---
id: import
language: python
rule: {pattern: cacheable, inside: {kind: import_from_statement, stopBy: end}}
fix: robust_cacheable
"""


@dataclass(frozen=True)
class Arm:
    """One way to do it: a command, run in the tree."""

    name: str
    command: list[str]
    stdin: str = ""
    slow: bool = False  #: takes minutes: one round, and only with --slow
    tree: str = "seeded"


def build(folder: Path) -> list[str]:
    """Make the tree and seed it; the paths of the seeded files."""
    import pandas
    import sklearn

    sources = {
        "stdlib": Path(sysconfig.get_path("stdlib")),
        "pandas": Path(pandas.__file__).parent,
        "sklearn": Path(sklearn.__file__).parent,
    }
    for name, source in sources.items():
        for path in sorted(source.rglob("*.py")):
            if not {"site-packages", "dist-packages"} & set(path.relative_to(source).parts):
                target = folder / name / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    return list(seed(folder))


def seed(folder: Path) -> Iterator[str]:
    """Put an import and a decorator or two into ``SEEDED`` files, as a person would."""
    chance = random.Random(SEED)
    files = sorted(folder.rglob("*.py"))
    chance.shuffle(files)
    done = 0
    for path in files:
        seeded = _seeded(path.read_bytes(), chance)
        if seeded is not None:
            path.write_bytes(seeded)
            yield path.relative_to(folder).as_posix()
            done += 1
        if done == SEEDED:
            return


def _seeded(data: bytes, chance: random.Random) -> bytes | None:
    if b"\r" in data or b"cacheable" in data:
        return None
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return None
    plain = [n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.decorator_list]
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    if not plain or not imports:
        return None
    lines = data.splitlines(keepends=True)
    chosen = chance.sample(plain, min(len(plain), chance.randint(1, 4)))
    for function in sorted(chosen, key=lambda n: -n.lineno):
        lines.insert(function.lineno - 1, b"@cacheable\n")
    first = next((n for n in imports if getattr(n, "module", "") != "__future__"), None)
    after = first.lineno - 1 if first else imports[-1].end_lineno or 0
    if chosen and min(n.lineno for n in chosen) <= after:
        return None
    lines.insert(after, b"from afml.cache import cacheable\n")
    seeded = b"".join(lines)
    try:
        compile(seeded, "seeded", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None  # a test of the parser: no other tool could work on it either
    return seeded


def arms(seeded: list[str], slow: bool) -> list[Arm]:
    """Everything that is timed."""
    python = sys.executable
    names = "\n".join(seeded)
    bin_ = Path(python).parent
    found = [
        Arm("afml-codemod apply", [python, "-m", "codemods.cli", "apply", "--yes", "--no-pin"]),
        Arm("LibCST, parse and generate the matching files", [python, "-c", LIBCST], names),
        Arm("ast and symtable of the matching files", [python, "-c", AST], names),
        Arm("afml-codemod plan, no match", [python, "-m", "codemods.cli", "plan"], tree="clean"),
    ]
    if (bin_ / "ast-grep").exists():
        rules = ["scan", "--inline-rules", RULES, "--update-all"]
        found.append(Arm("ast-grep, decorator and import", [str(bin_ / "ast-grep"), *rules, "."]))
    if slow:
        rename = ["rename.RenameCommand", "--old_name", "afml.cache.cacheable"]
        rename += ["--new_name", "afml.cache.robust_cacheable", "--no-format"]
        tool = [python, "-m", "libcst.tool", "codemod", *rename, "."]
        found.append(Arm("python -m libcst.tool codemod, a rename", tool, slow=True))
        every = "xargs -0 -a .files -n 2000 "
        for peer, option in (("pyupgrade", "--py311-plus"), ("django-upgrade", "")):
            if (bin_ / peer).exists():
                command = ["sh", "-c", f"{every}{bin_ / peer} {option} >/dev/null 2>&1 || true"]
                found.append(Arm(peer, command, slow=True))
    return found


def timed(arm: Arm, trees: dict[str, Path], work: Path) -> float:
    """Seconds of one run, on a fresh copy of its tree."""
    folder = work / "tree"
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(trees[arm.tree], folder, symlinks=True)
    os.sync()
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "AFML_CACHE": str(work / "cache")}
    start = time.perf_counter()
    with subprocess.Popen(
        arm.command, cwd=folder, env=environment, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            told, complained = process.communicate(arm.stdin, PATIENCE if arm.slow else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its workers, too
            return PATIENCE
    seconds = time.perf_counter() - start
    if process.returncode and not arm.slow:  # the big peers complain of files that do not parse
        raise RuntimeError(f"{arm.name} failed:\n{told[-2000:]}{complained[-2000:]}")
    if arm.name == "afml-codemod apply" and f"in {SEEDED} files" not in told:
        raise RuntimeError(f"not all seeded files were migrated:\n{told[-2000:]}")
    return seconds


def measure(rounds: int, slow: bool, tell: Callable[[str], None]) -> tuple[dict[str, float], int]:
    """Median seconds of every arm, and how many files the tree has."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        trees = {"seeded": work / "seeded", "clean": work / "clean"}
        seeded = build(trees["seeded"])
        files = [p.relative_to(trees["seeded"]) for p in sorted(trees["seeded"].rglob("*.py"))]
        (trees["seeded"] / ".files").write_bytes(b"\0".join(os.fsencode(f) for f in files))
        shutil.copytree(trees["seeded"], trees["clean"])
        for file in seeded:
            (trees["clean"] / file).write_text("x = 1\n")
        for tree in trees.values():
            git = ("git", "-c", "user.name=b", "-c", "user.email=b@example.org", "-C", str(tree))
            for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "tree")):
                subprocess.run([*git, *command], check=True, capture_output=True)
        every = arms(seeded, slow)
        times: dict[str, list[float]] = {arm.name: [] for arm in every}
        for number in range(rounds):
            for arm in every:
                if arm.slow and number:
                    continue
                times[arm.name].append(timed(arm, trees, work))
                tell(f"{arm.name}: {times[arm.name][-1]:.2f} s")
        return {name: median(seconds) for name, seconds in times.items()}, len(files)


LIMITS = {
    "LibCST, parse and generate the matching files": (0.45, "at most 0.45 x, aim 0.3 x"),
    "ast-grep, decorator and import": (1.0, "faster"),
    "python -m libcst.tool codemod, a rename": (1 / 40, "at least 40 x faster"),
}


def table(medians: dict[str, float], files: int, rounds: int) -> str:
    """The results as Markdown."""
    ours = medians["afml-codemod apply"]
    lines = [
        "# Results of the codemods",
        "",
        f"`python benchmarks/codemods.py`: {files:,} files, {SEEDED} of them seeded; medians of"
        f" {rounds} rounds in which",
        "the arms take turns (one round where it takes minutes). Whole processes on a fresh copy of"
        " the tree,",
        "which is a git repository.",
        "",
        f"- {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        f"- Python {platform.python_version()}, {', '.join(_versions())}",
        "",
        "| what | seconds | afml-codemod apply against it | to reach | |",
        "|---|---|---|---|---|",
        f"| afml-codemod apply | {ours:.2f} | | | |",
    ]
    for name, seconds in medians.items():
        if name == "afml-codemod apply":
            continue
        if name == "afml-codemod plan, no match":
            verdict = "reached" if seconds < 0.6 else "**missed**"
            lines.append(f"| {name} | {seconds:.2f} | | under 0.6 s | {verdict} |")
            continue
        limit, words = LIMITS.get(name, (0, "for comparison"))
        over = "over " if seconds >= PATIENCE else ""
        ratio = ours / seconds
        verdict = ("reached" if ratio <= limit else "**missed**") if limit else ""
        under = "under " if over else ""
        row = f"| {name} | {over}{seconds:.2f} | {under}{ratio:.3f} x | {words} | {verdict} |"
        lines.append(row)
    return "\n".join(lines) + "\n"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


def _versions() -> Iterator[str]:
    for name in ("libcst", "ast-grep-cli", "pyupgrade", "django-upgrade"):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def main() -> None:
    """Measure, show, write."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--slow", action="store_true", help="with the peers that take minutes")
    given = options.parse_args()
    medians, files = measure(given.rounds, given.slow, lambda text: print(text, file=sys.stderr))
    result = table(medians, files, given.rounds)
    (HERE / "CODEMODS.md").write_text(result)
    print(result)


if __name__ == "__main__":
    main()
