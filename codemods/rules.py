"""What a run looks for and what it puts there: modules, old names, new names.

The same engine works in both directions: forwards from the legacy decorators to their
successors, backwards for a repository that goes back, or for the functions of a migration that
is being undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from codemods.overrule import Overrules

LEGACY = frozenset({"cacheable", "smart_cacheable", "auto_cacheable"})
ROBUST = "robust_cacheable"
TIME_AWARE = "time_aware_cacheable"
NEW = frozenset({ROBUST, TIME_AWARE})
MLFLOW = "mlflow_cached"
BACKTEST = "cached_backtest"

#: The decorators that can be put on a function: two as the successors of legacy ones, two afresh.
DECORATORS = NEW | {MLFLOW, BACKTEST}

#: Every decorator of the cache.
CACHING = LEGACY | DECORATORS

#: Modules that offer both the legacy decorators and the new ones. Their submodules define them.
SOURCES = ("afml.cache", "afml_cache")

#: What ``--to`` can be.
TARGETS: Mapping[str, str | None] = {"auto": None, "robust": ROBUST, "time_aware": TIME_AWARE}

#: Options that the new decorators take; all of them by keyword.
ARGUMENTS = frozenset({"ignore", "version", "ttl", "depends_on"})

#: What the legacy decorators take; all of it by keyword.
LEGACY_ARGUMENTS = frozenset({"ignore"})


@dataclass(frozen=True, slots=True)
class Offer:
    """A decorator as a module offers it: ``afml.cache.selective_cleaner`` ``.smart_cacheable``."""

    home: str  #: the package where the replacement is found too: ``afml.cache``
    module: str  #: the module it was taken from
    name: str
    #: level and module of the import that offers the replacement, where ``module`` is one of the
    #: project that hands the decorator on
    instead: tuple[int, str] | None = None
    own: frozenset[str] = frozenset()  #: what such a module hands on under its own name
    effects: str = ""  #: the path of such a module, if importing it does more than bind names


@dataclass(frozen=True, slots=True)
class Rules:
    """One rewrite.

    Parameters
    ----------
    to : str or None
        The name that every decorator becomes, which may be a legacy one; None lets
        :mod:`codemods.choose` decide.
    more_sources : tuple of str
        Further modules that offer the old and the new names.
    back : mapping of str to str, optional
        An undo: the qualified names of functions and the name that each gets back. All other
        functions are left alone without a word.
    call_forms : bool
        Rewrite direct applications too: ``f = cacheable(g)``.
    asked : str
        Who asked for ``to``: the reason that is shown.
    overrules : Overrules
        Patterns that overrule the choice for single functions, and ``to`` with it.
    more_names : frozenset of str
        Further names of the sources that matter as the new decorators do.
    adopting : str
        A source module among the project's files, relative to the root, that gets names first.
    adopted : frozenset of str
        The names that it gets.
    """

    to: str | None = None
    more_sources: tuple[str, ...] = ()
    back: Mapping[str, str] | None = field(default=None, hash=False)
    call_forms: bool = False
    asked: str = "asked for with --to"
    overrules: Overrules = field(default_factory=Overrules)
    more_names: frozenset[str] = frozenset()
    adopting: str = ""
    adopted: frozenset[str] = frozenset()

    @property
    def backwards(self) -> bool:
        """Whether the new decorators become legacy ones."""
        return self.to in LEGACY or (
            self.back is not None and not NEW.intersection(self.back.values())
        )

    @property
    def old(self) -> frozenset[str]:
        """The names that are replaced."""
        return NEW if self.backwards else LEGACY

    @property
    def new(self) -> frozenset[str]:
        """The names that may come in their place."""
        return self.more_names | (LEGACY if self.backwards else NEW)

    @property
    def arguments(self) -> frozenset[str]:
        """What the decorators that come in their place take."""
        return LEGACY_ARGUMENTS if self.backwards else ARGUMENTS

    @property
    def sources(self) -> tuple[str, ...]:
        """All source modules."""
        return SOURCES + self.more_sources

    def canonical(self, path: str, folders: int) -> str | None:
        """The source name of a module that a relative import reached by its place on the disk.

        Parameters
        ----------
        path : str
            Folders and what the import names, dotted.
        folders : int
            How many parts of the path are folders. A source has to end in what is named:
            a checkout in a folder called ``afml_cache`` makes its content no cache.

        >>> Rules().canonical("home.me.afml.cache.selective_cleaner", 3)
        'afml.cache.selective_cleaner'
        """
        parts = path.split(".")
        for source in self.sources:
            wanted = source.split(".")
            for first in range(len(parts) - len(wanted), -1, -1):
                ends = first + len(wanted)
                if parts[first:ends] == wanted and ends > folders:
                    return ".".join(parts[first:])
        return None

    def offer(self, target: str | None, names: frozenset[str]) -> Offer | None:
        """The decorator that a qualified name stands for, if it is one of ``names`` of a source.

        >>> Rules().offer("afml.cache.selective_cleaner.smart_cacheable", LEGACY).home
        'afml.cache'
        """
        if target is None:
            return None
        module, _, name = target.rpartition(".")
        if name not in names:
            return None
        for source in self.sources:
            if module == source or module.startswith(source + "."):
                inside = module[len(source) + 1 :].partition(".")[0]
                # An attribute of a decorator is none of the decorators.
                return None if inside in CACHING else Offer(source, module, name)
        return None

    def leads_to_source(self, target: str) -> bool:
        """Whether decorators can be reached through the module ``target`` by attributes."""
        return any(
            source == target or source.startswith(target + ".") or target.startswith(source + ".")
            for source in self.sources
        )
