"""A block in a method belongs to the class of its instance, and to the functions it was given."""

from __future__ import annotations

import functools

import pytest

from afml_cache import get_mlflow_cache

pytest.importorskip("mlflow")


class Base:
    def tune(self, depth):
        with get_mlflow_cache().experiment_run("tune") as run:
            found = run.get_cached(depth)
            if found is None:
                found = run.cache_result(depth, {"score": self.score(depth), "by": id(self)})
        return found

    @classmethod
    def tuned(cls, depth):
        with get_mlflow_cache().experiment_run("tuned") as run:
            return run.get_cached(depth) or run.cache_result(depth, cls.sign * depth)

    def __hidden(self, depth):
        with get_mlflow_cache().experiment_run("hidden") as run:
            return run.get_cached(depth) or run.cache_result(depth, self.score(depth))

    def hidden(self, depth):
        return self.__hidden(depth)


class Long(Base):
    sign = 1

    def score(self, depth):
        return depth


class Short(Base):
    sign = -1

    def score(self, depth):
        return -depth

    def tune(self, depth):
        return super().tune(depth)


def test_a_block_in_a_base_class_has_results_for_each_subclass(client):
    first = Long()
    assert [one.tune(3)["score"] for one in (first, Short(), Long())] == [3, -3, 3]
    assert Long().tune(3)["by"] == id(first)  # it is found again
    assert [one.hidden(3) for one in (Long(), Short(), Long())] == [3, -3, 3]


def test_so_it_is_in_a_method_of_the_class(client):
    assert [one.tuned(3) for one in (Long, Short, Long)] == [3, -3, 3]


def test_so_it_is_in_a_function_that_was_made_a_method(client):
    def late(self, depth):
        with get_mlflow_cache().experiment_run("late") as run:
            return run.get_cached(depth) or run.cache_result(depth, self.score(depth))

    kinds = [type(kind.__name__, (kind,), {"late": late}) for kind in (Long, Short)]
    assert [kind().late(3) for kind in kinds] == [3, -3]


def times(factor, n):
    return factor * n


class Score:
    def __init__(self, factor):
        self.factor = factor

    def times(self, n):
        return self.factor * n


@pytest.mark.parametrize(
    "one_and_other",
    [
        (lambda n: n, lambda n: 2 * n),
        (functools.partial(times, 1), functools.partial(times, 2)),
        (Score(1).times, Score(2).times),
        (functools.cache(lambda n: n), functools.cache(lambda n: 2 * n)),
    ],
)
def test_functions_that_a_function_is_given_count(client, one_and_other):
    def each(n, score):
        with get_mlflow_cache().experiment_run("each") as run:
            return run.get_cached(n) or run.cache_result(n, score(n))

    def spread(*scores, **named):
        with get_mlflow_cache().experiment_run("spread") as run:
            (score,) = (*scores, *named.values())
            return run.get_cached(3) or run.cache_result(3, score(3))

    one, other = one_and_other
    assert [each(3, one), each(3, other), each(3, one)] == [3, 6, 3]
    assert [spread(one), spread(other), spread(score=one), spread(score=other)] == [3, 6, 3, 6]


def test_the_same_function_given_again_is_a_hit(client):
    calls = []

    def each(n, score):
        with get_mlflow_cache().experiment_run("each") as run:
            found = run.get_cached(n)
            if found is None:
                calls.append(n)
                found = run.cache_result(n, score(n))
        return found

    def factors(factor):
        return lambda n: factor * n

    assert [each(3, factors(2)), each(3, factors(2)), each(3, factors(3))] == [6, 6, 9]
    assert calls == [3, 3]
