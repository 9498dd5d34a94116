"""Who is at fault: by the recordings where they tell, by halves where they do not."""

from __future__ import annotations

import pytest

from codemods.matching import Key
from codemods.migration.judge import Fault, Name, criterion
from codemods.migration.repair import bisect, blame

KEYS = [("quant.py", name) for name in "abcdefgh"]


def keys_of(name: str) -> list[Key]:
    return [key for key in KEYS if f"quant.{key[1]}" == name]


class Trials:
    """A probe that breaks where all functions of one of some groups are migrated."""

    def __init__(self, *groups: str) -> None:
        self.groups = [{("quant.py", name) for name in group} for group in groups]
        self.count = 0

    def __call__(self, keys: frozenset[Key], _names: frozenset[Name]) -> bool:
        self.count += 1
        return any(group <= keys for group in self.groups)


def test_a_fault_that_names_a_function_needs_no_trial() -> None:
    broken = criterion(Name.SPEED, "", [Fault("it is slow", "quant.c")])
    found = blame([broken], keys_of)
    assert found.guilty == {("quant.py", "c"): ("no slower cached call: it is slow",)}
    assert not found.unclear


def test_a_fault_of_a_function_that_was_not_migrated_is_unclear() -> None:
    fault = Fault("it is damaged", "elsewhere.f")
    found = blame([criterion(Name.HEALTH, "", [fault])], keys_of)
    assert found.unclear == ((Name.HEALTH, fault),)
    assert not found.guilty


@pytest.mark.parametrize(
    ("groups", "guilty"),
    [(["c"], "c"), (["a", "h"], "ah"), (["cd"], "cd"), (["b", "e", "f"], "bef")],
)
def test_halving_finds_exactly_the_functions_at_fault(groups: list[str], guilty: str) -> None:
    trials = Trials(*groups)
    unclear = [(Name.TESTS, Fault("test_x failed"))]
    found = bisect(unclear, KEYS, keys_of, trials)
    assert {name for _, name in found} == set(guilty)
    assert trials.count < 2 * len(KEYS)
    assert set(found.values()) == {("all existing tests pass: test_x failed",)}


def test_what_breaks_across_the_halves_goes_back_with_its_group() -> None:
    found = bisect([(Name.TESTS, Fault("test_x failed"))], KEYS, keys_of, Trials("ah"))
    assert {name for _, name in found} == set("abcdefgh")


def test_suspects_are_tried_first_and_others_after_them() -> None:
    fault = Fault("test_x failed", suspects=frozenset({"quant.a", "quant.b"}))
    trials = Trials("b")
    found = bisect([(Name.TESTS, fault)], KEYS, keys_of, trials)
    assert [name for _, name in found] == ["b"]
    assert trials.count <= 4
    found = bisect([(Name.TESTS, fault)], KEYS, keys_of, Trials("g"))
    assert [name for _, name in found] == ["g"]


@pytest.mark.parametrize("breaks", [0, 1, 2])
def test_what_breaks_by_chance_is_nobodys(breaks: int) -> None:
    tried: list[frozenset[Key]] = []

    def probe(keys: frozenset[Key], _names: frozenset[Name]) -> bool:
        """Nothing breaks with nothing migrated; later on it does, a few times."""
        tried.append(keys)
        return 1 < len(tried) <= 1 + breaks

    assert bisect([(Name.TESTS, Fault("test_flaky failed"))], KEYS, keys_of, probe) == {}
    assert tried[-1] == frozenset(KEYS), "where no part breaks, all together are tried again"


def test_what_breaks_with_nothing_migrated_is_nobodys_either() -> None:
    assert bisect([(Name.TESTS, Fault("test_x failed"))], KEYS, keys_of, Trials("")) == {}


def test_a_failure_that_does_not_come_again_is_nobodys() -> None:
    fault = Fault("test_x failed", suspects=frozenset({"quant.a", "quant.b"}))
    assert bisect([(Name.TESTS, fault)], KEYS, keys_of, Trials("zz")) == {}
