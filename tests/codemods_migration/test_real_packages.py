"""Packages that we did not write, with their own tests, go through the migration.

They are downloaded, by version and digest; docs/real_packages.md has the table of what came of it.
"""

from __future__ import annotations

import re

import pytest

from benchmarks.real_packages import DRAWN, PACKAGES, NoIndexError, Package, Went, migrate

pytestmark = [pytest.mark.slow, pytest.mark.whole, pytest.mark.timeout(900)]

#: What is at fault: only these go back. Of toolz, which keys functions, the clock decides too.
BACK = {
    "empyrical-reloaded": set(),
    "numpy-financial": set(),
    "inflection": {"pluralize", "singularize"},
}

#: Why, in the words of the report.
REASONS = {
    "inflection": r"hit rates kept or better: .* \(\d adoption_refused\)",
}


@pytest.fixture(scope="module", params=PACKAGES, ids=lambda package: package.name)
def went(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Went:
    package: Package = request.param
    for need in package.needs:
        pytest.importorskip(need)
    try:
        return migrate(package, tmp_path_factory.mktemp("package") / package.name)
    except NoIndexError as error:
        pytest.skip(str(error))


def test_it_ends_by_itself_and_with_the_exit_code_of_what_it_says(went: Went) -> None:
    assert went.code in (0, 1), went.told
    assert went.code == went.report["exit_code"]
    assert 10 <= len(went.functions) <= DRAWN
    broken = [one["name"] for one in went.report["criteria"] if one["holds"] == "broken"]
    assert not broken, "what stands breaks nothing"
    assert sorted(one["function"] for one in went.report["functions"]) == went.functions
    assert went.named("migrated"), went.told


def test_only_what_is_at_fault_goes_back_and_the_report_says_why(went: Went) -> None:
    back = went.named("rolled back")
    assert back == BACK.get(went.package.name, back), went.told
    for one in went.report["functions"]:
        if one["became"] == "rolled back":
            assert one["why"]
            assert all(": " in what and one["function"] in what for what in one["why"])
            assert re.search(REASONS.get(went.package.name, ""), one["why"][0])


def test_what_went_back_is_byte_for_byte_what_it_was(went: Went) -> None:
    migrated = went.named("migrated")
    for name, now in went.files().items():
        then = went.before[name].splitlines(keepends=True)
        lines = now.splitlines(keepends=True)
        assert len(then) == len(lines), name
        for number, (old, new) in enumerate(zip(then, lines, strict=True)):
            if old == new:
                continue
            if b"import" in old:
                assert old == b"from afml_cache import cacheable\n"
                continue
            assert old == b"@cacheable\n"
            assert new in (b"@robust_cacheable\n", b"@time_aware_cacheable\n")
            assert _defined_at(lines[number + 1]) in migrated


def test_its_tests_pass_without_what_is_stored(went: Went) -> None:
    done = went.tests()
    assert done.returncode == 0, done.stdout[-3000:]


def test_rolled_back_it_is_what_it_was(went: Went) -> None:
    """The last one, since it undoes what the others look at."""
    assert went.files() != went.before
    done = went.codemod("rollback", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert went.files() == went.before


def _defined_at(line: bytes) -> str:
    found = re.match(rb"def (\w+)\(", line)
    assert found is not None, line
    return found[1].decode()
