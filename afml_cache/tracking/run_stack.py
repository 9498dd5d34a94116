"""The runs that are active in a thread, with ours among them, as mlflow's own functions see them.

A function that was written before it was tracked opens runs of its own, and ends them. Ours must
neither keep it from that nor be ended by it: ``start_run()`` finds it out of the way, and nests
what it makes under it; ``end_run()`` finds nothing to end; all others find it active.

Tasks of one loop share the stack of their thread. What belongs to the blocks of another task than
the one that asks lies below all that is open here, and is not counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from afml_cache.tracking.open_blocks import block_here, blocks_here, open_block
from afml_cache.tracking.place import absolute
from afml_cache.tracking.record import PARENT_TAG

_FLUENT = "mlflow.tracking.fluent"
#: What mlflow asks the stack for before it begins a run or ends one.
_BEGINS_OR_ENDS = ("start_run", "end_run")


class RunStack(list[Any]):
    """Takes the place of mlflow's list of a thread for as long as a run of ours is in it.

    Parameters
    ----------
    variable : ThreadLocalVariable
        Of mlflow, which holds the list.
    """

    def __init__(self, variable: Any) -> None:
        self._variable, self._theirs = variable, variable.get()
        super().__init__(self._theirs)
        self._ours: list[Any] = []
        self._uris: dict[int, str] = {}
        #: Runs, and the block that each was opened in; those that are not here: in none.
        self._blocks: list[tuple[Any, Any]] = []
        #: Blocks that are open and whose runs nobody has asked for: the innermost of all.
        self._awaited: list[Awaited] = []
        variable.set(self)

    def __len__(self) -> int:
        asks = _who_asks()
        awaited = self._awaited_here()
        if awaited:
            if asks == "end_run" or tracking_uri() != awaited[-1].uri:
                return 0
            self._begin(awaited)
        count = self._to_the_top()
        if count and self.top_is_ours() and (asks in _BEGINS_OR_ENDS or self.is_elsewhere()):
            return 0
        return count

    def append(self, run: Any) -> None:
        """Make a run the active one: it belongs to the block that it is opened in."""
        self._note(run, block_here())
        super().append(run)

    def top_is_ours(self) -> bool:
        """Whether the innermost run is one of ours."""
        return any(self[-1] is one for one in self._ours)

    def await_block(self, entered: Awaited) -> None:
        """Make the run of a block the active one as soon as mlflow is asked for that."""
        self._awaited.append(entered)

    def innermost(self) -> Any:
        """The run that is active here, or the block whose run is; None where none is."""
        here = block_here()
        if any(one is here for one in self._awaited):
            return here
        there = [run for run in self if self._block_of(run) is here][-1:]
        if not there:
            return here
        is_ours = any(there[0] is one for one in self._ours)
        return None if is_ours and self._is_elsewhere(there[0]) else there[0]

    def enter(self, run: Any, uri: str) -> None:
        """Make a run of ours the active one, within the blocks that are open."""
        self._begin(self._awaited_here())
        self._push(run, uri, block_here())

    def _push(self, run: Any, uri: str, within: Any) -> None:
        self._note(run, within)
        super().append(run)
        self._ours.append(run)
        self._uris[id(run)] = uri

    def leave_block(self, left: Any, run: Any) -> None:
        """Take a block and its run, if it has one, out; what was left open within stays open."""
        self._awaited = [one for one in self._awaited if one is not left]
        self.leave(run)

    def leave(self, run: Any) -> None:
        """Take a run of ours out; what was left open within stays open."""
        if any(one is run for one in self._ours):
            self._ours = [one for one in self._ours if one is not run]
            self._uris.pop(id(run))
            self[:] = [one for one in self if one is not run]
        if not self._ours and not self._awaited and self._variable.get() is self:
            self._theirs[:] = self[:]
            self._variable.set(self._theirs)

    def is_elsewhere(self) -> bool:
        """Whether the function has told mlflow another address, where our run is not."""
        return self._is_elsewhere(self[-1])

    def _is_elsewhere(self, run: Any) -> bool:
        return tracking_uri() != self._uris[id(run)]

    def _awaited_here(self) -> list[Awaited]:
        if not self._awaited:
            return []
        here = list(blocks_here())
        return [one for one in self._awaited if any(one is there for there in here)]

    def _begin(self, awaited: list[Awaited]) -> None:
        for begun in awaited:
            self._awaited = [one for one in self._awaited if one is not begun]
            run = begun.begin()
            if run is not None:
                self._push(run, begun.uri, begun)

    def _note(self, run: Any, within: Any) -> None:
        # Nothing here may ask for the length of this list, as [*self] does.
        self._blocks = [one for one in self._blocks if any(one[0] is there for there in self)]
        if within is not None:
            self._blocks.append((run, within))

    def _block_of(self, run: Any) -> Any:
        return open_block(next((within for one, within in self._blocks if one is run), None))

    def _to_the_top(self) -> int:
        """Have the runs that are open here above those of other tasks; how many they are."""
        if not self._blocks:
            return super().__len__()
        blocks = [None, *blocks_here()]
        here = [run for run in self if any(self._block_of(run) is one for one in blocks)]
        if super().__len__() > len(here):
            others = [run for run in self if not any(run is one for one in here)]
            self[:] = others + here
        return len(here)


class Awaited(Protocol):
    """A block whose run is made when it is asked for."""

    @property
    def uri(self) -> str:
        """Where it goes."""

    def begin(self) -> Any:
        """Make its run; None where that fails."""


def tracking_uri() -> str:
    """Where the program tells mlflow to log now."""
    return absolute(sys.modules["mlflow"].get_tracking_uri())


def _who_asks() -> str:
    """The function of mlflow's that has called len(); empty where it is none."""
    frame = sys._getframe(2)
    return frame.f_code.co_name if frame.f_globals.get("__name__") == _FLUENT else ""


def stack_of_thread() -> Any:
    """mlflow's variable with the runs of each thread; None where the program uses no mlflow."""
    variable = getattr(sys.modules.get(_FLUENT), "_active_run_stack", None)
    return variable if hasattr(variable, "get") and hasattr(variable, "set") else None


def innermost() -> Any:
    """The run that is active in this thread, or the block of ours whose run is."""
    variable = stack_of_thread()
    stack = [] if variable is None else variable.get()
    if isinstance(stack, RunStack):
        return stack.innermost()
    return stack[-1] if stack else None


def stack_in_place() -> RunStack | None:
    """The stack of this thread, with ours in the place of mlflow's; None without mlflow."""
    variable = stack_of_thread()
    if variable is None:
        return None
    _nest_under_ours()
    stack = variable.get()
    return stack if isinstance(stack, RunStack) else RunStack(variable)


def entered(run: Any, uri: str) -> Callable[[], None] | None:
    """Make a run of ours the active one of this thread; gives what ends that."""
    stack = stack_in_place()
    if stack is None:
        return None
    stack.enter(run, uri)
    return lambda: stack.leave(run)


class _UnderOurs:
    """Tells mlflow the parent of a run that it makes where ours is the active one."""

    def in_context(self) -> bool:
        """Whether ``start_run()`` makes one there."""
        frame = sys._getframe(2)  # through resolve_tags(), which autolog also calls for data
        if frame.f_code.co_name != "start_run" or frame.f_globals.get("__name__") != _FLUENT:
            return False
        stack = stack_of_thread().get()
        return isinstance(stack, RunStack) and stack.top_is_ours() and not stack.is_elsewhere()

    def tags(self) -> dict[str, str]:
        """The parent's tag; what the user tells ``start_run()`` comes before it."""
        return {PARENT_TAG: stack_of_thread().get()[-1].info.run_id}


_is_registered = False


def _nest_under_ours() -> None:
    global _is_registered
    if _is_registered:
        return
    from mlflow.tracking.context import registry

    registry._run_context_provider_registry.register(_UnderOurs)
    _is_registered = True
