"""Patterns of the repository that overrule the choice: left alone, robust, time-aware."""

from __future__ import annotations

from dataclasses import dataclass

from codemods.patterns import closeness


@dataclass(frozen=True, slots=True)
class Overrules:
    """What ``[tool.afml-codemod]`` says about single functions.

    Parameters
    ----------
    keep, robust, time_aware : tuple of str
        Patterns as :mod:`codemods.patterns` reads them.
    """

    keep: tuple[str, ...] = ()
    robust: tuple[str, ...] = ()
    time_aware: tuple[str, ...] = ()

    def kept(self, path: str, function: str) -> str | None:
        """The pattern that asks to leave a function alone, if there is one."""
        return next((p for p in self.keep if closeness(p, path, function) is not None), None)

    def chosen(self, path: str, function: str) -> tuple[str, str] | None:
        """The list that decides, by its name, and the pattern in it.

        The pattern that names the function most closely decides; of two that are equally
        close, time-aware, which is the superset.
        """
        found = [
            (close, name == "time_aware", name, pattern)
            for name, patterns in (("robust", self.robust), ("time_aware", self.time_aware))
            for pattern in patterns
            if (close := closeness(pattern, path, function)) is not None
        ]
        return max(found)[2:] if found else None
