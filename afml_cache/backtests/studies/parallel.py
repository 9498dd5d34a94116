"""The calls of a study over joblib's backends: loky, threads, dask, ray, whatever is active."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any

from afml_cache.backtests.studies.copies import Copies
from afml_cache.backtests.studies.deaths import answer, is_death, one_by_one
from afml_cache.backtests.studies.outcome import Outcome, Task
from afml_cache.backtests.studies.payload import Payload, pack, pickled
from afml_cache.backtests.studies.place import Place
from afml_cache.backtests.studies.study import Study
from afml_cache.backtests.studies.worker import CannotLoadError, within, work, work_here
from afml_cache.errors import ConfigurationError
from afml_cache.keys.code import Fingerprint

#: Larger payloads are mapped into the memory of loky's workers, not sent with each task.
_MAPPED_FROM = 1024
#: Tasks a worker in one round, where a backend gives its results out at the end only.
_ROUND = 8


class Calls:
    """Tasks that are taken from an iterator one at a time; those under way are known.

    An exception of the iterator ends it; it is kept, for it would be raised in a thread of
    joblib's.
    """

    def __init__(self, tasks: Iterator[Task], pack_combination: bool) -> None:
        self._tasks = tasks
        self._pack = pack_combination
        self.under_way: dict[int, Task] = {}
        self.held: list[Task] = []  #: to be made by other workers; no more are taken until then
        self.error: BaseException | None = None
        self._again: list[Task] = []

    def __iter__(self) -> Iterator[Task]:
        while self._again:
            task = self._again.pop()
            self.under_way[task.number] = task
            yield task
        while self.error is None and not self.held:
            try:
                task = next(self._tasks)
                if self._pack and task.combination is not None:
                    task.combination = pickled(task.combination)
            except StopIteration:
                return
            except BaseException as error:  # noqa: BLE001 - raised by whoever runs the study
                self.error = error
                return
            self.under_way[task.number] = task
            yield task

    def hold(self, number: int) -> None:
        """Have a call made again, by other workers."""
        self.held.append(self.under_way.pop(number))

    def go_on(self) -> None:
        """There are other workers: give out what was held, first the earliest."""
        self._again = self.held[::-1]
        self.held = []

    def done(self, outcome: Outcome) -> Outcome:
        """Take a call off the list."""
        self.under_way.pop(outcome.number, None)
        return outcome


def run_tasks(
    study: Study,
    tasks: Iterator[Task],
    fingerprint: Fingerprint,
    place: Callable[[], contextlib.AbstractContextManager[Place]],
    n_jobs: int | None,
    backend: str | None,
) -> Iterator[Outcome]:
    """Make calls, and give out what became of each as soon as it is known.

    Tasks are taken as workers get free, a few ahead. Closing the iterator stops what is running,
    as far as the backend can.

    Raises
    ------
    ConfigurationError
        There is no such backend, or the study cannot be sent to its workers.
    """
    import joblib

    if within.get() == "worker":
        yield from _here(Copies(study), Calls(tasks, pack_combination=False))
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(_configured(backend, n_jobs))
        active, jobs = joblib.parallel.get_active_backend()
        # Outside of parallel_config() joblib would make one call after the other.
        wanted = next((one for one in (n_jobs, jobs) if one is not None), -1)
        if "Dask" in type(active).__name__:
            stack.enter_context(_on_one_worker_too(active))
        is_here = bool(getattr(active, "supports_sharedmem", False))
        workers = active.effective_n_jobs(wanted)
        is_cluster = type(active).__module__.partition(".")[0] == "ray" or "Dask" in (
            type(active).__name__
        )
        calls = Calls(tasks, pack_combination=not is_here and (is_cluster or workers > 1))
        if workers <= 1 and not is_cluster:
            yield from _here(Copies(study), calls)
            return
        if is_here:
            copies = Copies(study)
            called = _stream(joblib, wanted, calls, lambda task: (work_here, copies, task))
            with contextlib.closing(called) as outcomes:
                yield from map(calls.done, outcomes)
        else:
            payload = _packed(study, stack.enter_context(place()), fingerprint)
            yield from _in_processes(joblib, active, wanted, workers, calls, payload)
    if calls.error is not None:
        raise calls.error


@contextlib.contextmanager
def _on_one_worker_too(active: Any) -> Iterator[None]:
    """Keep joblib from making the calls here while a cluster has one thread (left)."""
    count = active.effective_n_jobs
    active.effective_n_jobs = lambda n_jobs=1: max(2, count(n_jobs))
    try:
        yield
    finally:
        active.effective_n_jobs = count


def _here(copies: Copies, calls: Calls) -> Iterator[Outcome]:
    for task in calls:
        yield calls.done(work_here(copies, task))
    if calls.error is not None:
        raise calls.error


def _in_processes(
    joblib: Any, active: Any, n_jobs: int, workers: int, calls: Calls, payload: Payload
) -> Iterator[Outcome]:
    def call_of(task: Task) -> tuple[Any, ...]:
        return work, sent, task

    sent = _through_ray(payload) if type(active).__module__.startswith("ray.") else payload

    is_ours = type(active).__name__ == "LokyBackend"
    are_old = is_ours  # they may be from before a reload
    in_rounds = not getattr(active, "supports_return_generator", False)
    while True:
        made = (
            _in_rounds(joblib, n_jobs, workers, calls, call_of)
            if in_rounds
            else _stream(joblib, n_jobs, calls, call_of)
        )
        try:
            with contextlib.closing(made) as outcomes:
                for outcome in outcomes:
                    if are_old and outcome.has_other_code:
                        calls.hold(outcome.number)
                    else:
                        yield calls.done(outcome)
        except CannotLoadError:
            if not are_old:
                raise
            for number in list(calls.under_way):
                calls.hold(number)
        except Exception as error:
            if not is_death(error):
                raise
            # A worker was killed, by the system for want of memory say, or crashed, and with it
            # the pool.
            with _Alone(joblib) as alone:
                remade = one_by_one(
                    list(calls.under_way.values()),
                    lambda task: alone.call(call_of(task)),
                    None if is_ours else lambda: alone.call((answer,)),
                )
                yield from map(calls.done, remade)
            continue
        if not calls.held:
            return
        _end_workers()
        are_old = False
        calls.go_on()


def _stream(
    joblib: Any, n_jobs: int, calls: Calls, call_of: Callable[[Task], tuple[Any, ...]]
) -> Generator[Outcome]:
    parallel = joblib.Parallel(
        n_jobs=n_jobs,
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch="2*n_jobs",
        max_nbytes=_MAPPED_FROM,
    )
    outcomes = parallel(_delayed(joblib, call_of(task)) for task in calls)
    try:
        yield from outcomes
    finally:
        with warnings.catch_warnings():  # joblib tells that what is stopped is stopped
            warnings.simplefilter("ignore", UserWarning)
            outcomes.close()


def _in_rounds(
    joblib: Any, n_jobs: int, workers: int, calls: Calls, call_of: Callable[[Task], tuple[Any, ...]]
) -> Generator[Outcome]:
    tasks = iter(calls)
    with joblib.Parallel(n_jobs=n_jobs, batch_size=1, max_nbytes=_MAPPED_FROM) as parallel:
        while some := list(itertools.islice(tasks, _ROUND * workers)):
            yield from parallel(_delayed(joblib, call_of(task)) for task in some)


class _Alone:
    """Makes one call at a time; with other workers after one that broke them."""

    def __init__(self, joblib: Any) -> None:
        self._joblib = joblib
        self._left = contextlib.ExitStack()
        self._parallel: Any = None

    def __enter__(self) -> _Alone:
        return self

    def __exit__(self, *raised: object) -> None:
        self._left.close()

    def call(self, call: tuple[Any, ...]) -> Any:
        """What a worker returns."""
        if self._parallel is None:
            parallel = self._joblib.Parallel(n_jobs=2, batch_size=1, max_nbytes=_MAPPED_FROM)
            self._parallel = self._left.enter_context(parallel)
        try:
            return self._parallel([_delayed(self._joblib, call)])[0]
        except BaseException:
            self._parallel = None
            self._left.close()
            raise


def _delayed(joblib: Any, call: tuple[Any, ...]) -> Any:
    return joblib.delayed(call[0])(*call[1:])


def _end_workers() -> None:
    """End the processes that joblib keeps for the next use; it starts others then."""
    import joblib.externals.loky as loky

    loky.get_reusable_executor(reuse=True).shutdown(wait=True)


def _configured(backend: str | None, n_jobs: int | None) -> contextlib.AbstractContextManager[Any]:
    import joblib

    if backend is None:
        return contextlib.nullcontext()
    if backend == "ray":
        try:
            register_ray = importlib.import_module("ray.util.joblib").register_ray
        except ImportError as error:
            raise ConfigurationError(
                "backend='ray' needs ray: pip install 'afml-cache[cluster]'"
            ) from error
        register_ray()
    try:
        return joblib.parallel_config(backend=backend, n_jobs=n_jobs if n_jobs is not None else -1)  # type: ignore[no-any-return]
    except (ValueError, ImportError) as error:
        raise ConfigurationError(
            f"backend={backend!r} cannot be used ({error}); there are 'loky', 'threading', 'dask' "
            "and 'ray' (pip install 'afml-cache[cluster]'), and what joblib.parallel_config() sets"
        ) from error


def _packed(study: Study, place: Place, fingerprint: Fingerprint) -> Payload:
    try:
        return pack(study, place, fingerprint)
    except Exception as error:  # whatever the user's own pickling raises
        raise ConfigurationError(
            f"the study of {study.strategy} cannot be sent to other processes ({error}); see that "
            "its function, its data and its fixed arguments can be pickled, or use "
            "backend='threading'"
        ) from error


def _through_ray(payload: Payload) -> Payload:
    from afml_cache.backtests.studies.ray_payload import RayPayload

    return RayPayload.put(payload)
