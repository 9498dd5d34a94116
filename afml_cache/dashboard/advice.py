"""What to do about a finding, with the command that does it. Pure.

A command is what a person can paste: into a shell, or, where the program itself has to be told,
into Python. It depends on the kind of a finding alone, never on its words.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from afml_cache.monitoring.health import Finding
from afml_cache.monitoring.words import as_text

Language = Literal["shell", "python"]


@dataclass(frozen=True, slots=True)
class Command:
    """Something to paste.

    Parameters
    ----------
    text : str
    language : {"shell", "python"}
        Where it is pasted.
    """

    text: str
    language: Language = "shell"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing to do.

    Parameters
    ----------
    kind : str
        As of the finding.
    what : str
        What was found.
    function : str or None
        None: the whole cache.
    remedy : str
        What to do about it.
    command : Command or None
        None where there is nothing to do, or the name of the function cannot be pasted.
    """

    kind: str
    what: str
    function: str | None
    remedy: str
    command: Command | None


class Commands:
    """Commands on one cache.

    Parameters
    ----------
    directory : str
    """

    def __init__(self, directory: str) -> None:
        # Named always: where a command is pasted, the environment may name another cache.
        self._options = ["--directory", directory]

    def cache(self, command: str, *options: str, name: str | None = None) -> Command | None:
        """``afml-cache`` with a command; None where a name cannot be written in a terminal."""
        return _shell(["afml-cache", command, *options, *self._options], name)

    def of_finding(
        self, finding: Finding, *, size_limit: int | None, stored: Mapping[str, int]
    ) -> Command | None:
        """What acts on a finding.

        Parameters
        ----------
        finding : Finding
        size_limit : int or None
            In force, in bytes.
        stored : dict
            Function -> results that the store itself holds of it, joblib's not counted.
        """
        name = finding["function"]
        match finding["kind"]:
            case "off" | "readonly":
                return _python('configure(mode="on")')
            case "damaged":
                return self.cache("verify", "--repair")
            case "unavailable" | "replaced":
                return self.cache("doctor")
            case "full":
                room = 1 if size_limit is None else -(-2 * size_limit // 10**6)
                return _python(f'configure(size_limit="{room}MB")')
            case "upgrade":
                return _shell(["afml-codemod", "plan"], name, before="--only")
            case "note_exact_keys":
                return _python("configure(note_exact_keys=True)")
            case "misses" if name is not None and stored.get(name):
                return self.cache("explain", name=name)
            case "misses" | "unstored":
                return _python("print(explain_last_miss())", "explain_last_miss")
            case "keep" | "raised" | "joblib_size" | "costly":
                return None


def _shell(words: list[str], name: str | None, before: str | None = None) -> Command | None:
    if name is not None:
        if as_text(name) != name or not name.isprintable():
            return None
        if before is not None:
            words = [*words, f"{before}={name}"]
        else:
            words = [*words, "--", name] if name.startswith("-") else [*words, name]
    return Command(shlex.join(words))


def _python(line: str, name: str = "configure") -> Command:
    return Command(f"from afml_cache import {name}; {line}", "python")
