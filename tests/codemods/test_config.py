"""``[tool.afml-codemod]``: what a repository sets, and who overrules whom."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codemods.config import ConfigError, read_config
from codemods.overrule import Overrules
from codemods.plan import Plan, plan
from codemods.rules import Rules

ROOT = Path(__file__).resolve().parents[2]

Command = Callable[..., subprocess.CompletedProcess[str]]

CODE = b"""\
import pandas as pd
from afml.cache import cacheable


@cacheable
def barrier(close: pd.Series):
    return close


@cacheable
def entropy(message):
    return len(message)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "quant").mkdir(parents=True)
    (root / "quant" / "labels.py").write_bytes(CODE)
    return root


def settings(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.afml-codemod]\n{text}\n")


def decorators(root: Path) -> list[str]:
    lines = (root / "quant" / "labels.py").read_text().splitlines()
    return [line for line in lines if line.startswith("@")]


# ------------------------------------------------------------------ patterns overrule the choice


def planned(**overrules: tuple[str, ...]) -> Plan:
    rules = Rules(overrules=Overrules(**overrules))
    return plan(CODE, ("quant",), rules, file="quant/labels.py")


def chosen(**overrules: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    return {r.function: (r.new, r.reason) for r in planned(**overrules).rewrites}


def test_the_reason_says_which_pattern_decided() -> None:
    assert chosen(robust=("quant.labels",), time_aware=("labels.entropy",)) == {
        "barrier": ("robust_cacheable", "matches quant.labels of robust in pyproject.toml"),
        "entropy": (
            "time_aware_cacheable",
            "matches labels.entropy of time_aware in pyproject.toml",
        ),
    }


def test_without_a_match_the_rules_decide() -> None:
    assert chosen(robust=("quant.features",), time_aware=("other/*",)) == chosen()


def test_the_closest_pattern_decides_whichever_list_it_is_in() -> None:
    names = {"robust_cacheable", "time_aware_cacheable"}
    for first, second in (("robust", "time_aware"), ("time_aware", "robust")):
        found = chosen(**{first: ("quant.labels.*", "quant/*"), second: ("entropy",)})
        assert found["barrier"][0] == f"{first}_cacheable"
        assert found["entropy"][0] == f"{second}_cacheable"
        assert {name for name, _ in found.values()} == names


def test_of_equally_close_ones_time_aware_wins() -> None:
    assert chosen(robust=("quant",), time_aware=("quant",))["entropy"][0] == "time_aware_cacheable"


def test_keep_leaves_alone_and_says_so_whatever_else_matches() -> None:
    found = planned(keep=("labels",), robust=("quant.labels.entropy",))
    assert not found.edits
    assert [(f.code.value, f.text) for f in found.findings] == [
        ("opted-out", "barrier matches labels of keep in pyproject.toml"),
        ("opted-out", "entropy matches labels of keep in pyproject.toml"),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "from afml.cache import cacheable\n@cacheable(x=1)\ndef f(x): ...",
        "from afml.cache import cacheable\nif x:\n    cacheable = 1\n@cacheable\ndef f(x): ...",
        "from afml.cache import *\n@cacheable\ndef f(x): ...",
        "from .cache import cacheable\n@cacheable\ndef f(x): ...",
        "from afml.cache import cacheable\n@cacheable\ndef f(x): yield x",
    ],
)
def test_what_is_kept_is_not_asked_to_be_mended(code: str) -> None:
    """Whatever else is the matter with it: `check` passes over what one has asked to keep."""
    rules = Rules(overrules=Overrules(keep=("f",)))
    codes = [f.code.value for f in plan(code.encode(), ("quant",), rules, file="a.py").findings]
    assert codes == ["opted-out"]
    commented = code.replace("@cacheable(x=1)", "@cacheable(x=1)  # afml: keep").replace(
        "@cacheable\n", "@cacheable  # afml: keep\n"
    )
    codes = [f.code.value for f in plan(commented.encode(), ("quant",), file="a.py").findings]
    assert codes == ["opted-out"]


# ------------------------------------------------------------------ file and command line


def test_to_in_the_file(repository: Path, afml_codemod: Command) -> None:
    settings(repository, 'to = "time_aware"')
    shown = afml_codemod("plan", cwd=repository)
    assert "asked for by `to`" in " ".join(shown.stdout.split())
    afml_codemod("apply", cwd=repository)
    assert decorators(repository) == ["@time_aware_cacheable"] * 2


def test_patterns_overrule_to_in_the_file(repository: Path, afml_codemod: Command) -> None:
    settings(repository, 'to = "time_aware"\nrobust = ["quant/labels.py::entropy"]')
    afml_codemod("apply", cwd=repository)
    assert decorators(repository) == ["@time_aware_cacheable", "@robust_cacheable"]


def test_the_command_line_overrules_all_but_keep(repository: Path, afml_codemod: Command) -> None:
    settings(repository, 'to = "time_aware"\ntime_aware = ["labels"]\nkeep = ["barrier"]')
    afml_codemod("apply", "--to", "robust", cwd=repository)
    assert decorators(repository) == ["@cacheable", "@robust_cacheable"]


def test_auto_on_the_command_line_leaves_the_choice_to_patterns_and_rules(
    repository: Path, afml_codemod: Command
) -> None:
    settings(repository, 'to = "time_aware"\nrobust = ["barrier"]')
    afml_codemod("apply", "--to", "auto", cwd=repository)
    assert decorators(repository) == ["@robust_cacheable", "@robust_cacheable"]


def test_check_is_content_once_the_rest_is_kept(repository: Path, afml_codemod: Command) -> None:
    settings(repository, 'keep = ["barrier"]')
    assert afml_codemod("check", cwd=repository).returncode == 1
    afml_codemod("apply", cwd=repository)
    done = afml_codemod("check", cwd=repository)
    assert done.returncode == 0
    assert "opted-out: barrier matches barrier of keep in pyproject.toml" in done.stdout


def test_exclude_adds_to_the_command_line(repository: Path, afml_codemod: Command) -> None:
    for folder in ("vendor", "old"):
        (repository / folder).mkdir()
        (repository / folder / "a.py").write_bytes(CODE)
    settings(repository, 'exclude = ["vendor"]')
    done = afml_codemod("plan", "--exclude", "old", cwd=repository)
    assert "2 functions in 1 file to migrate" in done.stdout


def test_source_modules(repository: Path, afml_codemod: Command) -> None:
    labels = repository / "quant" / "labels.py"
    labels.write_bytes(CODE.replace(b"afml.cache", b"house.caching"))
    settings(repository, 'source-modules = ["house.caching"]')
    afml_codemod("apply", cwd=repository)
    assert decorators(repository) == ["@time_aware_cacheable", "@robust_cacheable"]


def test_it_is_the_file_at_the_root_from_wherever_one_starts(
    repository: Path, afml_codemod: Command
) -> None:
    settings(repository, 'keep = ["quant/labels.py"]')
    done = afml_codemod("apply", "labels.py", cwd=repository / "quant")
    assert done.returncode == 0
    assert decorators(repository) == ["@cacheable"] * 2


def test_rollback_does_not_ask_the_settings(repository: Path, afml_codemod: Command) -> None:
    settings(repository, "")
    afml_codemod("apply", cwd=repository)
    settings(repository, 'keep = "all"')
    assert afml_codemod("rollback", cwd=repository).returncode == 0
    assert (repository / "quant" / "labels.py").read_bytes() == CODE


def test_the_settings_hold_under_libcst_s_command_line_too(repository: Path) -> None:
    settings(repository, 'keep = ["barrier"]\ntime_aware = ["quant/labels.py::entropy"]')
    done = subprocess.run(
        [sys.executable, "-m", "libcst.tool", "codemod", "-x", "--jobs=1", "--no-format",
         "codemods.migrate_cacheable.MigrateCacheable", "quant/labels.py"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert decorators(repository) == ["@cacheable", "@time_aware_cacheable"]


# ------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('robst = ["a"]', "no key 'robst'; it takes exclude, keep, max-hit-rate, min-calls,"),
        ('to = "fast"', """to in [tool.afml-codemod] is 'fast'; it takes "auto" or "robust" or"""),
        ("to = 1", "to in [tool.afml-codemod] is 1"),
        ('keep = "quant"', "keep in [tool.afml-codemod] is 'quant'; it takes a list of patterns"),
        ("robust = [1]", "robust in [tool.afml-codemod] is [1]"),
        ('time_aware = [""]', "time_aware in [tool.afml-codemod] is ['']"),
        ("exclude = {a = 1}", "exclude in [tool.afml-codemod] is {'a': 1}"),
        ('source-modules = ["a/b"]', "'a/b' is no module name; write it as an import does"),
        ("min-calls = -1", "min-calls in [tool.afml-codemod] is -1; it takes a count"),
        ("min-calls = true", "min-calls in [tool.afml-codemod] is True"),
        ("max-hit-rate = 50", "is 50; it takes a share from 0 to 1"),
        ("max-hit-rate = nan", "is nan; it takes a share from 0 to 1"),
        ("time_aware = []\ntime-aware = []", "sets time_aware twice; leave one"),
        ("to = ", "is no TOML"),
    ],
)
def test_a_mistake_is_a_usage_error_that_names_it(
    repository: Path, afml_codemod: Command, text: str, said: str
) -> None:
    settings(repository, text)
    for command in ("plan", "apply", "check"):
        done = afml_codemod(command, cwd=repository)
        assert done.returncode == 2
        assert said in done.stderr
        assert "pyproject.toml" in done.stderr
    assert decorators(repository) == ["@cacheable"] * 2


def test_a_table_that_is_none(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("tool.afml-codemod = 1\n")
    with pytest.raises(ConfigError, match="no table"):
        read_config(repository)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'afml-codemod'\n", "[tool.other]\n"])
def test_a_file_without_settings_is_not_our_business(repository: Path, text: str) -> None:
    (repository / "pyproject.toml").write_text(text)
    assert read_config(repository) == read_config(repository / "quant")


def test_a_broken_file_that_does_not_mention_us_is_not_read(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("[")
    assert read_config(repository).to is None


def test_both_spellings_of_a_key(repository: Path) -> None:
    settings(repository, 'time-aware = ["a"]\nmin_calls = 3\nmax_hit_rate = 1\nsource_modules = []')
    found = read_config(repository)
    assert found.overrules.time_aware == ("a",)
    assert (found.min_calls, found.max_hit_rate) == (3, 1.0)


def test_the_settings_in_the_documentation_are_understood(repository: Path) -> None:
    text = (ROOT / "docs" / "codemods.md").read_text()
    (repository / "pyproject.toml").write_text(text.split("```toml\n")[1].split("```")[0])
    found = read_config(repository)
    assert found.overrules.keep == ("quant/legacy.py", "quant.fit.Model")
