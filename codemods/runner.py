"""From paths to plans to written files: all cores, one bad file never stops a run.

``survey`` reads and plans and changes nothing; ``apply`` takes what it found, records it in
the journal and writes file by file. Few files are planned right here, many in processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from codemods.files import NOTEBOOK, Tree, package_of
from codemods.find_re_exports import find_re_exports
from codemods.findings import Code, Finding
from codemods.handed_on import HandedOn, handed_on
from codemods.in_tree import InTree, find_in_tree
from codemods.notebook import Notebook
from codemods.plan import Plan, concerns, digest, plan
from codemods.plan_notebook import plan_notebook
from codemods.re_exports import ReExports
from codemods.rules import Rules
from codemods.source import Unreadable

if TYPE_CHECKING:
    from codemods.select import Selected, Selection

#: Below this many bytes to parse, starting processes costs more than it saves.
WORTH_PROCESSES = 400_000

Progress = Callable[[int, int], None]  #: done, of how many


@dataclass(frozen=True, slots=True)
class Planned:
    """A file and what is to be done to it."""

    path: str  #: relative to the root
    plan: Plan


_OUTSIDE = (
    "is a link that leads out of the repository; migrate the file where it lies, and --exclude"
    " the link"
)


@dataclass(frozen=True, slots=True, order=True)
class Failure:
    """A file that could not be read or written; it is as it was."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What a run would do."""

    tree: Tree
    rules: Rules
    planned: tuple[Planned, ...]  #: files with something to change or to say, by path
    failures: tuple[Failure, ...]
    selected: Selected | None = None  #: where less was asked for than everything

    @property
    def changes(self) -> tuple[Planned, ...]:
        """The files that would be changed."""
        return tuple(planned for planned in self.planned if planned.plan.edits)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run has done."""

    migration: str | None  #: the ID to roll back; None where nothing was changed
    changed: tuple[str, ...]
    failures: tuple[Failure, ...]


def survey(
    tree: Tree,
    rules: Rules,
    selection: Selection | None = None,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Survey:
    """Plan every file of ``tree`` that may concern us.

    Parameters
    ----------
    tree : Tree
        The files.
    rules : Rules
        What to look for.
    selection : Selection, optional
        Which of the functions that are found are meant; by default, all.
    jobs : int, optional
        How many processes; one for every core by default.
    progress : callable, optional
        Is told how many files have been planned, and of how many.
    """
    tasks: dict[str, _Task] = {}
    failures = [Failure(folder, "cannot be listed") for folder in tree.unlisted]
    size = 0
    contents: dict[str, bytes] = {}
    seen: set[str] = set()
    inside = os.path.realpath(tree.root)
    for file in tree.files:
        path = tree.root / file
        try:
            if not path.is_file():
                continue  # deleted and not yet committed, a submodule, a pipe
            data = path.read_bytes()
        except OSError as error:
            failures.append(Failure(file, _words(error)))
            continue
        if concerns(data, rules):
            real = os.path.realpath(path)
            if not Path(real).is_relative_to(inside):
                failures.append(Failure(file, _OUTSIDE))
            elif real not in seen:  # a link and the file it points to are one file
                seen.add(real)
                contents[file] = data
                size += len(data)
    packages = {file: tree.package(file) for file in contents}
    reached, re_exports = HandedOn(), ReExports()
    if contents:
        suspects: set[str] = set()
        through: Mapping[str, frozenset[str]] = {}
        while True:  # as many rounds as a name is handed on from file to file
            # Nobody can import a notebook; but a notebook can reach names of modules.
            modules = {file: p for file, p in packages.items() if not file.endswith(NOTEBOOK)}
            reached = handed_on(modules, contents, _everything(tree, contents), rules, through)
            suspects |= set(reached.takers())
            for file in suspects.intersection(tree.files).difference(contents):
                real = os.path.realpath(tree.root / file)  # takes one by a name that shows nothing
                if real in seen:
                    continue
                seen.add(real)
                try:
                    contents[file] = Path(real).read_bytes()
                except OSError as error:
                    failures.append(Failure(file, _words(error)))
                else:
                    packages[file] = tree.package(file)
            if reached.through == through:
                break
            through = reached.through
        found = {file: (packages[file], _python(file, data)) for file, data in contents.items()}
        re_exports = find_re_exports(tree.root, found, rules, suspects)
    in_tree = find_in_tree(tree.root, packages.values(), rules)
    for file, package in packages.items():
        names = reached.names.get(file, {})
        tasks[file] = _Task(file, tree.root / file, package, names, in_tree, re_exports)

    def plans_for(these: Sequence[_Task]) -> Iterator[tuple[str, Plan]]:
        workers = min(jobs or os.cpu_count() or 1, len(these))
        for done, (task, answer) in enumerate(_answers(these, rules, workers, size), start=1):
            if isinstance(answer, Failure):
                failures.append(answer)
            else:
                also = reached.findings(task.file, task.package, rules, re_exports)
                told = _also(answer, also)
                if told.edits or told.findings:
                    yield task.file, told
            if progress is not None:
                progress(done, len(these))

    plans = dict(plans_for(list(tasks.values())))
    selected = None
    if selection is not None and selection.narrows:
        from codemods.narrow import matched_in, narrow

        def again(wanted: Mapping[str, frozenset[str]]) -> dict[str, Plan]:
            these = [replace(tasks[file], selected=some) for file, some in wanted.items()]
            return dict(plans_for(these))

        matched = matched_in(tree, rules, plans, selection)
        narrowed = narrow(plans, selection, matched, again)
        plans, selected = dict(narrowed.plans), narrowed.selected
    planned = tuple(Planned(file, plans[file]) for file in sorted(plans))
    return Survey(tree, rules, planned, tuple(sorted(failures)), selected)


def apply(found: Survey, progress: Progress | None = None, command: str = "apply") -> Applied:
    """Carry out the plans of ``found``: journal first, then one file after the other.

    ``command`` is what the journal calls it.

    Files that have changed since they were planned, or cannot be written, are left alone
    and reported.

    Raises
    ------
    JournalError
        Another run is at work in the repository.
    OSError
        The journal cannot be written. No file has been touched, or, where only its last note
        could not be made, `rollback` undoes what has been.
    """
    from codemods.journal import Journal, State
    from codemods.writing import replace_file

    root = found.tree.root
    failures = list(found.failures)
    ready: list[tuple[str, bytes, Plan]] = []
    for entry in found.changes:
        try:
            data = (root / entry.path).read_bytes()
        except OSError as error:
            failures.append(Failure(entry.path, _words(error)))
            continue
        if digest(data) != entry.plan.digest:
            failures.append(Failure(entry.path, "changed after it had been planned; run again"))
        else:
            ready.append((entry.path, data, entry.plan))
    if not ready:
        return Applied(None, (), tuple(sorted(failures)))
    journal = Journal(root)
    changed: list[str] = []
    with journal.locked():
        migration = journal.begin(ready, found.rules.more_sources, command)
        for done, (file, data, planned) in enumerate(ready, start=1):
            path = root / file
            try:
                if path.read_bytes() != data:
                    raise OSError("changed while the migration was running; run again")
                replace_file(path, planned.carry_out(data))
                changed.append(file)
            except OSError as error:
                failures.append(Failure(file, _words(error)))
            if progress is not None:
                progress(done, len(ready))
        if changed:
            # What could not be written is none of the migration's: a person may migrate it by hand.
            written = tuple(record for record in migration.files if record.path in changed)
            journal.mark(replace(migration, files=written), State.APPLIED)
        else:
            journal.forget(migration)
    return Applied(migration.id if changed else None, tuple(changed), tuple(sorted(failures)))


# ---------------------------------------------------------------------- workers


@dataclass(frozen=True, slots=True)
class _Task:
    file: str
    path: Path
    package: tuple[str, ...]
    handed_on: Mapping[str, str]
    in_tree: InTree
    re_exports: ReExports
    selected: frozenset[str] | None = None  #: plan for these functions only


Answer = Plan | Failure


def _python(file: str, data: bytes) -> bytes:
    if not file.endswith(NOTEBOOK):
        return data
    try:
        return Notebook(data).written
    except Unreadable:  # its plan will say so
        return b""


def _plan_task(task: _Task, rules: Rules) -> Answer:
    try:
        data = task.path.read_bytes()
    except OSError as error:
        return Failure(task.file, _words(error))
    planner: Callable[..., Plan] = plan_notebook if task.file.endswith(NOTEBOOK) else plan
    try:
        return planner(
            data,
            task.package,
            rules,
            handed_on=task.handed_on,
            in_tree=task.in_tree,
            re_exports=task.re_exports,
            file=task.file,
            selected=task.selected,
        )
    except Exception as error:  # noqa: BLE001 - one file that trips us up must not stop the run
        return Failure(task.file, f"stumbled over {type(error).__name__}: {error} (please report)")


def _plan_tasks(tasks: Sequence[_Task], rules: Rules) -> list[Answer]:
    return [_plan_task(task, rules) for task in tasks]


def _answers(
    tasks: Sequence[_Task], rules: Rules, workers: int, size: int
) -> Iterator[tuple[_Task, Answer]]:
    if workers > 1 and size > WORTH_PROCESSES:
        yield from _in_processes(tasks, rules, workers)
    else:
        yield from ((task, _plan_task(task, rules)) for task in tasks)


def _in_processes(
    tasks: Sequence[_Task], rules: Rules, workers: int
) -> Iterator[tuple[_Task, Answer]]:
    """Plan in worker processes; a worker that dies takes only its own file with it."""
    pending = sorted(tasks, key=lambda task: -_size(task.path))
    batches = [pending[first :: workers * 8] for first in range(workers * 8)]
    alone: list[_Task] = []
    with ProcessPoolExecutor(workers) as pool:
        running: dict[Future[list[Answer]], list[_Task]] = {
            pool.submit(_plan_tasks, batch, rules): batch for batch in batches if batch
        }
        for finished in as_completed(running):
            try:
                yield from zip(running[finished], finished.result(), strict=True)
            except BrokenProcessPool:
                alone += running[finished]
    for task in alone:
        with ProcessPoolExecutor(1) as pool:
            try:
                yield task, pool.submit(_plan_task, task, rules).result()
            except BrokenProcessPool:
                text = "is nested too deeply: the parser died of it"
                try:
                    mark = digest(task.path.read_bytes())
                except OSError as error:
                    yield task, Failure(task.file, _words(error))
                else:
                    yield task, Plan(mark, findings=(Finding(1, 1, Code.TOO_DEEP, text),))


def _size(path: Path) -> int:
    """Its size, to begin with the largest; a file that has vanished is told when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


# ------------------------------------------------- names that files take from each other


def _everything(
    tree: Tree, contents: Mapping[str, bytes]
) -> Iterator[tuple[str, tuple[str, ...], bytes]]:
    """All files of the repository: what is not migrated may use what is."""
    for file in sorted({*tree.files, *tree.all_files()}):
        path = tree.root / file
        data = contents.get(file)
        if data is None:
            try:
                data = path.read_bytes() if path.is_file() else b""
            except OSError:
                continue  # reported where the file is one to migrate
        yield file, package_of(path), data


def _also(found: Plan, more: list[Finding]) -> Plan:
    """``found`` with what other files make of it; what it says itself is not said twice."""
    said = {(finding.cell, finding.line, finding.code) for finding in found.findings}
    unresolved = any(finding.code is Code.UNRESOLVED_IMPORT for finding in found.findings)
    new = [
        finding
        for finding in more
        if (finding.cell, finding.line, finding.code) not in said
        and not (unresolved and finding.text.startswith("from "))
    ]
    return replace(found, findings=tuple(sorted({*found.findings, *new}))) if new else found


def _words(error: OSError) -> str:
    return error.strerror or str(error)
