"""Recorded statistics: what is read, which function is meant, and the guide's Phase 2."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemods.evidence import Evidence, EvidenceError, Recorded, read_evidence
from codemods.files import find
from codemods.journal import Journal
from codemods.rules import Rules
from codemods.runner import Survey, survey
from codemods.select import Selection

ROOT = Path(__file__).resolve().parents[2]

Command = Callable[..., subprocess.CompletedProcess[str]]

HEAD = "from afml.cache import cacheable\n"


def function(name: str, decorator: str = "@cacheable") -> str:
    return f"\n\n{decorator}\ndef {name}(x):\n    return x\n"


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def export(*functions: object, **head: object) -> dict[str, object]:
    whole = {"format": "afml-cache evidence", "version": 1, "functions": list(functions)}
    return whole | head


# ------------------------------------------------------------------ reading


def read(tmp_path: Path, content: object) -> tuple[Recorded, ...]:
    file = tmp_path / "evidence.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_evidence(file).functions


def test_the_statistics_of_the_original_system(tmp_path: Path) -> None:
    stats = {"quant.labels.f": {"hits": 3, "misses": 9}, "__main__.g": {"hits": 0, "misses": 0}}
    assert read(tmp_path, stats) == (
        Recorded("quant.labels.f", 12, 3, 9),
        Recorded("__main__.g", 0, 0, 0),
    )
    assert read(tmp_path, {}) == ()


def test_our_own_export(tmp_path: Path) -> None:
    full = {
        "function": "quant.labels.f",
        "calls": 15,
        "hits": 3,
        "misses": 9,
        "compute_seconds": 4.5,
        "robust_hit_rate": 0.8,
    }
    spare = {"function": "m.g", "hits": 1, "misses": 2, "compute_seconds": None}
    assert read(tmp_path, export(full, spare)) == (
        Recorded("quant.labels.f", 15, 3, 9, 4.5, 0.8),
        Recorded("m.g", 3, 1, 2),
    )


def test_fields_that_a_later_version_adds_are_passed_over(tmp_path: Path) -> None:
    entry = {"function": "m.f", "hits": 1, "misses": 2, "reasons": {"new": 2}}
    assert read(tmp_path, export(entry, written="2026-01-01")) == (Recorded("m.f", 3, 1, 2),)
    stats = {"m.f": {"hits": 1, "misses": 2, "last_call": "2026-01-01"}}
    assert read(tmp_path, stats) == (Recorded("m.f", 3, 1, 2),)


def test_the_formats_in_the_documentation_are_understood(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "codemods.md").read_text()
    blocks = [part.split("```")[0] for part in text.split("```json\n")[1:]]
    assert [read(tmp_path, block) for block in blocks] == [
        (Recorded("quant.labels.barrier", 120, 12, 108),),
        (Recorded("quant.labels.barrier", 120, 12, 108, 950.5, 0.8),),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no JSON"),
        ('{"m.f": ', "is no JSON"),
        ([], "holds no JSON object"),
        ({"m.f": 3}, "m.f does not tell hits and misses; expected is"),
        ({"m.f": {"hits": 3}}, "m.f does not tell hits and misses"),
        ({"m.f": {"hits": -1, "misses": 2}}, "m.f: hits is -1, and not a count"),
        ({"m.f": {"hits": "3", "misses": 2}}, 'm.f: hits is "3", and not a count'),
        ({"m.f": {"hits": 1, "misses": True}}, "m.f: misses is true, and not a count"),
        ({"m.f": {"hits": 1.5, "misses": 2}}, "m.f: hits is 1.5, and not a count"),
        (export(format="other"), "has the format 'other'"),
        (export(version=2), "has version 2; this program reads version 1"),
        (export(functions={}), 'has no list of "functions"'),
        (export({"hits": 1}), 'entry 1 of "functions" names no "function"'),
        (export("m.f"), 'entry 1 of "functions" names no "function"'),
        (
            export(*[{"function": "m.f", "hits": 1, "misses": 1}] * 2),
            "has two entries for m.f",
        ),
        (
            export({"function": "m.f", "calls": 1, "hits": 1, "misses": 1}),
            "m.f has 1 calls, fewer than its hits and misses (2)",
        ),
        (
            export({"function": "m.f", "hits": 1, "misses": 1, "compute_seconds": -1}),
            "compute_seconds is -1, and not a number of seconds or null",
        ),
        (
            '{"format": "afml-cache evidence", "version": 1, "functions":'
            ' [{"function": "m.f", "hits": 1, "misses": 1, "compute_seconds": NaN}]}',
            "compute_seconds is NaN",
        ),
        (
            export({"function": "m.f", "hits": 1, "misses": 1, "robust_hit_rate": 80}),
            "robust_hit_rate is 80, and not a share from 0 to 1 or null",
        ),
    ],
)
def test_a_file_that_is_no_evidence_says_what_is_wrong(
    tmp_path: Path, content: object, said: str
) -> None:
    with pytest.raises(EvidenceError) as error:
        read(tmp_path, content)
    assert said in str(error.value)
    assert str(tmp_path / "evidence.json") in str(error.value)


@pytest.mark.parametrize("wrong", ["absent.json", ".", "notes.json"])
def test_it_is_a_usage_error(tmp_path: Path, afml_codemod: Command, wrong: str) -> None:
    write(tmp_path, {"a.py": HEAD + function("f"), "notes.json": "[]"})
    for command in ("plan", "apply", "check"):
        done = afml_codemod(command, "--evidence", wrong)
        assert done.returncode == 2
        assert wrong in done.stderr
        assert "Traceback" not in done.stderr
    assert "@cacheable" in (tmp_path / "a.py").read_text()


@pytest.mark.parametrize("option", [["--min-calls", "3"], ["--max-hit-rate", "0.2"]])
def test_thresholds_are_about_evidence(
    tmp_path: Path, afml_codemod: Command, option: list[str]
) -> None:
    done = afml_codemod("plan", *option)
    assert done.returncode == 2
    assert f"{option[0]} is about recorded statistics" in done.stderr


def test_in_words() -> None:
    assert Recorded("f", 120, 37, 83).in_words() == "120 calls, 31 % hits"
    assert Recorded("f", 1, 0, 1, 2.0, 0.8).in_words() == (
        "1 call, 0 % hits, 2 s computing, 80 % with exact keys"
    )


# ------------------------------------------------------------------ which function is meant


def found(root: Path, stats: dict[str, tuple[int, int]], **wishes: object) -> Survey:
    records = tuple(Recorded(name, h + m, h, m) for name, (h, m) in stats.items())
    selection = Selection(evidence=Evidence("stats.json", records), **wishes)  # type: ignore[arg-type]
    return survey(find([root]), Rules(), selection)


def selected(found: Survey) -> list[str]:
    return [f"{e.path}::{r.function}" for e in found.changes for r in e.plan.rewrites]


def notes(found: Survey) -> list[str]:
    assert found.selected is not None
    return [note.text for note in found.selected.notes]


@pytest.mark.parametrize(
    "name",
    ["quant.labels.f", "src.quant.labels.f", "labels.f", "__main__.f"],
)
def test_a_module_is_known_by_any_end_of_its_path(tmp_path: Path, name: str) -> None:
    write(
        tmp_path,
        {"src/quant/labels.py": HEAD + function("f"), "src/quant/other.py": HEAD + function("g")},
    )
    assert selected(found(tmp_path, {name: (0, 20)})) == ["src/quant/labels.py::f"]


@pytest.mark.parametrize(
    "name",
    ["quant.label.f", "other.quant.labels.f", "f", "quant.labels.A.f", "antlabels.f", ""],
)
def test_a_record_of_something_else(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"src/quant/labels.py": HEAD + function("f")})
    survey = found(tmp_path, {name: (0, 20)})
    assert not selected(survey)
    assert notes(survey) == [
        "1 function is not in the evidence",
        f"1 record is of no function to migrate ({name})",
    ]


def test_methods_nested_functions_and_packages(tmp_path: Path) -> None:
    code = HEAD + (
        "\n\nclass A:\n    @cacheable\n    def f(self): ...\n"
        "\n\ndef outer():\n    @cacheable\n    def inner(x): ...\n    return inner\n"
    )
    write(tmp_path, {"quant/__init__.py": code})
    names = {"quant.A.f": (0, 20), "quant.outer.<locals>.inner": (0, 20)}
    assert selected(found(tmp_path, names)) == [
        "quant/__init__.py::A.f",
        "quant/__init__.py::outer.<locals>.inner",
    ]


def test_what_fits_two_functions_counts_for_neither(tmp_path: Path) -> None:
    write(tmp_path, {f"{n}/labels.py": HEAD + function("f") for n in "ab"})
    for name in ("labels.f", "__main__.f"):
        survey = found(tmp_path, {name: (0, 20)})
        assert not selected(survey)
        assert notes(survey) == [
            f"2 functions are undecided: what is recorded may be of others ({name})"
        ]
    assert selected(found(tmp_path, {"a.labels.f": (0, 20), "labels.f": (0, 9)})) == [
        "a/labels.py::f"
    ]


def test_functions_that_this_run_does_not_look_at_may_be_meant_too(tmp_path: Path) -> None:
    """Excluded, or migrated already: the record may be theirs."""
    new = HEAD.replace("cacheable", "robust_cacheable") + function("f", "@robust_cacheable")
    files = {"pyproject.toml": "", "a/labels.py": HEAD + function("f"), "b/labels.py": new}
    write(tmp_path, files)
    assert not selected(found(tmp_path, {"labels.f": (0, 20)}))
    assert not selected(found(tmp_path, {"__main__.f": (0, 20)}))
    assert not selected(found(tmp_path / "a", {"__main__.f": (0, 20)}))


def test_a_function_that_never_was_cached_is_not_meant(tmp_path: Path) -> None:
    plain = "def f(x): ...\n# cacheable\n"
    write(tmp_path, {"a/labels.py": HEAD + function("f"), "b/labels.py": plain})
    assert selected(found(tmp_path, {"labels.f": (0, 20)})) == ["a/labels.py::f"]


def test_a_link_to_a_file_is_no_second_file(tmp_path: Path) -> None:
    write(tmp_path, {"a/labels.py": HEAD + function("f")})
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "z_labels.py").symlink_to("a/labels.py")
    assert selected(found(tmp_path, {"__main__.f": (0, 20)})) == ["a/labels.py::f"]


def test_one_function_under_two_names_adds_up(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": HEAD + function("f")})
    survey = found(tmp_path, {"__main__.f": (2, 4), "a.f": (0, 6)})
    (rewrite,) = survey.changes[0].plan.rewrites
    assert rewrite.evidence == "12 calls, 17 % hits"


# ------------------------------------------------------------------ what is selected


def test_thresholds_and_what_is_said_of_the_rest(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": HEAD + "".join(function(name) for name in "fghij")})
    stats = {"a.f": (5, 5), "a.g": (6, 4), "a.h": (0, 9), "a.i": (0, 10)}
    survey = found(tmp_path, stats)
    assert selected(survey) == ["a.py::f", "a.py::i"]
    assert notes(survey) == [
        "1 function is not in the evidence",
        "1 function has fewer than 10 calls",
        "1 function has a hit rate above 50 %",
    ]
    assert selected(found(tmp_path, stats, min_calls=1, max_hit_rate=1.0)) == [
        "a.py::f", "a.py::g", "a.py::h", "a.py::i",
    ]  # fmt: skip


def test_the_dearest_first_and_a_second_for_each_miss_where_nothing_is_known(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"a.py": HEAD + "".join(function(name) for name in "fgh")})
    records = (
        Recorded("a.f", 50, 0, 50),
        Recorded("a.g", 20, 0, 20, compute_seconds=400.0),
        Recorded("a.h", 90, 0, 90, compute_seconds=0.9),
    )
    for limit, expected in ((1, ["g"]), (2, ["f", "g"]), (3, ["f", "g", "h"])):
        selection = Selection(evidence=Evidence("e", records), limit=limit)
        survey_ = survey(find([tmp_path]), Rules(), selection)
        assert selected(survey_) == [f"a.py::{name}" for name in expected]


def test_calls_that_did_not_ask_the_cache_are_no_evidence_against_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": HEAD + "".join(function(name) for name in "fgh")})
    records = (
        Recorded("a.f", calls=30, hits=0, misses=0),
        Recorded("a.g", calls=30, hits=0, misses=9),
        Recorded("a.h", calls=30, hits=1, misses=9),
    )
    chosen = Selection(evidence=Evidence("e", records), min_calls=1)
    assert selected(survey(find([tmp_path]), Rules(), chosen)) == ["a.py::g", "a.py::h"]
    survey_ = survey(find([tmp_path]), Rules(), Selection(evidence=Evidence("e", records)))
    assert selected(survey_) == ["a.py::h"]
    assert notes(survey_) == [
        "1 function was called with the cache switched off only",
        "1 function has fewer than 10 calls",
    ]


def test_only_and_evidence_both_have_to_agree(tmp_path: Path) -> None:
    write(tmp_path, {f"{n}.py": HEAD + function("f") for n in "abc"})
    survey = found(tmp_path, {"a.f": (0, 20), "b.f": (0, 20)}, only=("b", "c"))
    assert selected(survey) == ["b.py::f"]
    assert notes(survey)[0] == "1 function matches no pattern of --only"


def test_what_is_selected_and_cannot_be_migrated_is_told_and_uses_up_no_limit(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        {"a.py": HEAD + function("f", "@cacheable(x=1)") + function("g") + function("h")},
    )
    survey = found(tmp_path, {"a.f": (0, 99), "a.g": (0, 20), "a.h": (0, 5)}, limit=1)
    assert selected(survey) == ["a.py::g"]
    assert [f.code.value for e in survey.planned for f in e.plan.findings] == ["unknown-arguments"]
    assert not found(tmp_path, {"a.f": (0, 3)}).planned


names = st.sampled_from("fghijkl")


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.dictionaries(names, st.tuples(st.integers(0, 40), st.integers(0, 40))),
    st.integers(1, 8),
)
def test_a_limit_is_a_beginning_of_what_there_is_without(
    tmp_path_factory: pytest.TempPathFactory,
    stats: dict[str, tuple[int, int]],
    limit: int,
) -> None:
    root = tmp_path_factory.getbasetemp() / "limits"
    write(root, {"a.py": HEAD + "".join(function(name) for name in "fghijkl")})
    recorded = {f"a.{name}": counts for name, counts in stats.items()}
    whole, some = found(root, recorded), found(root, recorded, limit=limit)
    all_of_them = set(selected(whole))
    assert set(selected(some)) <= all_of_them
    assert len(selected(some)) == min(limit, len(all_of_them))
    misses = {f"a.py::{name}": misses for name, (_, misses) in stats.items()}
    left = all_of_them - set(selected(some))
    assert all(misses[s] >= misses[other] for s in selected(some) for other in left)
    assert whole.selected is not None
    about = [name for note in whole.selected.notes for name in note.about]
    assert sorted({*about, *all_of_them}) == [f"a.py::{name}" for name in "fghijkl"]


# ------------------------------------------------------------------ Phase 2 of the guide

STATS = {
    "quant.labels.barrier": {"hits": 12, "misses": 108},
    "quant.labels.entropy": {"hits": 90, "misses": 10},
    "quant.features.window": {"hits": 0, "misses": 60},
    "quant.features.spread": {"hits": 10, "misses": 30},
    "__main__.report": {"hits": 0, "misses": 4},
}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Six functions, and what the original system recorded of five."""
    root = tmp_path / "desk"
    typed = "\n\n@cacheable\ndef barrier(close: pd.Series):\n    return close\n"
    write(
        root,
        {
            "pyproject.toml": "",
            "src/quant/labels.py": f"import pandas as pd\n{HEAD}{typed}" + function("entropy"),
            "src/quant/features.py": HEAD + function("window") + function("spread"),
            "scripts/report.py": HEAD + function("report"),
            "scripts/idle.py": HEAD + function("idle"),
            "cache_stats.json": json.dumps(STATS),
        },
    )
    return root


def decorators(root: Path) -> dict[str, str]:
    """The decorator of every function."""
    found = {}
    for file in root.rglob("*.py"):
        lines = file.read_text().splitlines()
        for above, line in pairwise(lines):
            if above.startswith("@"):
                found[line.split("(")[0].removeprefix("def ")] = above
    return found


def bytes_of(root: Path) -> dict[str, bytes]:
    files = (p for p in root.rglob("*") if p.is_file() and ".afml-codemod" not in p.parts)
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.slow
def test_phase_2_upgrade_high_value_functions(desk: Path, afml_codemod: Command) -> None:
    before = bytes_of(desk)
    wish = ["--evidence", "cache_stats.json", "--limit", "2"]

    shown = afml_codemod("plan", *wish, cwd=desk)
    assert shown.returncode == 0, shown.stderr
    for text in (
        "120 calls, 10 % hits",
        "60 calls, 0 % hits",
        "close is a pandas Series",
        "Not selected:",
        "  1 function is not in the evidence",
        "  1 function has fewer than 10 calls",
        "  1 function has a hit rate above 50 %",
        "  1 function waits for a later run (--limit 2)",
        "2 functions in 2 files to migrate; nothing is written yet.",
    ):
        assert text in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    assert bytes_of(desk) == before

    first = afml_codemod("apply", *wish, cwd=desk)
    assert first.returncode == 0, first.stderr
    assert "Migrated 2 functions in 2 files." in first.stdout
    old = dict.fromkeys(["barrier", "entropy", "window", "spread", "report", "idle"], "@cacheable")
    dearest = {"barrier": "@time_aware_cacheable", "window": "@robust_cacheable"}
    assert decorators(desk) == old | dearest
    after_one = bytes_of(desk)

    second = afml_codemod("apply", *wish, cwd=desk)
    assert "Migrated 1 function in 1 file." in second.stdout
    assert "2 records are of no function to migrate" in second.stdout
    assert decorators(desk) == old | dearest | {"spread": "@robust_cacheable"}

    third = afml_codemod("apply", *wish, cwd=desk)
    assert third.returncode == 0
    assert "Nothing was changed." in third.stdout
    assert afml_codemod("check", *wish, cwd=desk).returncode == 0
    assert afml_codemod("check", cwd=desk).returncode == 1

    assert afml_codemod("rollback", cwd=desk).returncode == 0
    assert bytes_of(desk) == after_one
    assert afml_codemod("rollback", cwd=desk).returncode == 0
    assert bytes_of(desk) == before


def test_phase_2_for_machines(desk: Path, afml_codemod: Command) -> None:
    shown = afml_codemod(
        "plan", "--format", "json", "--evidence", "cache_stats.json", "--limit", "1", cwd=desk
    )
    document = json.loads(shown.stdout)
    (file,) = document["files"]
    (barrier,) = file["functions"]
    assert barrier["function"] == "barrier"
    assert barrier["evidence"] == {
        "function": "quant.labels.barrier",
        "calls": 120,
        "hits": 12,
        "misses": 108,
        "hit_rate": 0.1,
        "cost": 108.0,
        "compute_seconds": None,
        "robust_hit_rate": None,
    }
    assert {note["reason"]: note["about"] for note in document["not_selected"]} == {
        "no-evidence": ["scripts/idle.py::idle"],
        "few-calls": ["scripts/report.py::report"],
        "high-hit-rate": ["src/quant/labels.py::entropy"],
        "later": ["src/quant/features.py::window", "src/quant/features.py::spread"],
    }


def test_check_shows_the_evidence(desk: Path, afml_codemod: Command) -> None:
    done = afml_codemod("check", "--evidence", "cache_stats.json", "--limit", "1", cwd=desk)
    assert (done.returncode, done.stdout) == (
        1,
        "src/quant/labels.py:5: barrier: @cacheable can become @time_aware_cacheable"
        " (close is a pandas Series; 120 calls, 10 % hits)\n",
    )


def test_thresholds_of_the_repository_and_of_the_command_line(
    desk: Path, afml_codemod: Command
) -> None:
    (desk / "pyproject.toml").write_text("[tool.afml-codemod]\nmin-calls = 1\nmax-hit-rate = 0\n")
    shown = afml_codemod("plan", "--evidence", "cache_stats.json", cwd=desk)
    assert "2 functions in 2 files to migrate" in shown.stdout  # report and window
    options = ["--min-calls", "50", "--max-hit-rate", "1"]
    shown = afml_codemod("plan", "--evidence", "cache_stats.json", *options, cwd=desk)
    assert "3 functions in 2 files to migrate" in shown.stdout  # barrier, entropy, window


def test_the_journal_remembers_the_evidence_and_reads_older_journals(
    desk: Path, afml_codemod: Command
) -> None:
    before = bytes_of(desk)
    afml_codemod("apply", "--evidence", "cache_stats.json", "--limit", "1", cwd=desk)
    journal = Journal(desk)
    migration = journal.latest()
    assert migration is not None
    (rewrite,) = migration.files[0].rewrites
    assert rewrite.evidence == "120 calls, 10 % hits"
    file = journal.folder / migration.id / "migration.json"
    document = json.loads(file.read_bytes())
    for record in document["files"]:
        for entry in record["rewrites"]:
            del entry["evidence"]
    file.write_text(json.dumps(document))
    assert afml_codemod("rollback", cwd=desk).returncode == 0
    assert bytes_of(desk) == before
