"""The runs that are active in a thread, with ours among them, as mlflow's own functions see them.

A function that was written before it was tracked opens runs of its own, and ends them. Ours must
neither keep it from that nor be ended by it: ``start_run()`` finds it out of the way, and nests
what it makes under it; ``end_run()`` finds nothing to end; all others find it active.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

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
        variable.set(self)

    def __len__(self) -> int:
        count = super().__len__()
        if count and self.top_is_ours() and (_is_asked_to_begin_or_end() or self._is_elsewhere()):
            return 0
        return count

    def top_is_ours(self) -> bool:
        """Whether the innermost run is one of ours."""
        return bool(self._ours) and self[-1] is self._ours[-1]

    def enter(self, run: Any, uri: str) -> None:
        """Make a run of ours the active one."""
        self.append(run)
        self._ours.append(run)
        self._uris[id(run)] = uri

    def leave(self, run: Any) -> None:
        """Take a run of ours out; what the function has left open stays open, as without us."""
        if not any(one is run for one in self._ours):
            return
        self._ours = [one for one in self._ours if one is not run]
        self._uris.pop(id(run))
        self[:] = [one for one in self if one is not run]
        if not self._ours and self._variable.get() is self:
            self._theirs[:] = self[:]
            self._variable.set(self._theirs)

    def _is_elsewhere(self) -> bool:
        """Whether the function has told mlflow another address, where our run is not."""
        uri = absolute(sys.modules["mlflow"].get_tracking_uri())
        return bool(uri != self._uris[id(self[-1])])


def _is_asked_to_begin_or_end() -> bool:
    frame = sys._getframe(2)  # who has called len()
    return frame.f_code.co_name in _BEGINS_OR_ENDS and frame.f_globals.get("__name__") == _FLUENT


def stack_of_thread() -> Any:
    """mlflow's variable with the runs of each thread; None where the program uses no mlflow."""
    variable = getattr(sys.modules.get(_FLUENT), "_active_run_stack", None)
    return variable if hasattr(variable, "get") and hasattr(variable, "set") else None


def entered(run: Any, uri: str) -> Callable[[], None]:
    """Make a run of ours the active one of this thread; gives what ends that."""
    variable = stack_of_thread()
    _nest_under_ours()
    stack = variable.get()
    if not isinstance(stack, RunStack):
        stack = RunStack(variable)
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
        return isinstance(stack, RunStack) and stack.top_is_ours() and not stack._is_elsewhere()

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
