"""A module that is executed again: whoever holds what it had defined has what it defines now."""

from __future__ import annotations

import contextlib
import gc
import importlib
import pickle
import sys
import textwrap
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from afml_cache import CacheWarning, robust_cacheable
from afml_cache.reload.one_module import ReloadError, reload_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Project:
    """Modules of a project, saved and loaded again without waiting for a watch."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, name: str, text: str) -> Any:
        self.path.joinpath(f"{name}.py").write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def save(self, name: str, text: str) -> None:
        place = self.path / f"{name}.py"
        place.write_text(textwrap.dedent(text))
        reload_module(sys.modules[name], place.read_bytes())


@pytest.fixture(scope="module", autouse=True)
def only_what_is_made_here_is_searched():
    """A reload searches the heap; what other tests have left there takes seconds, each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield Project(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


# -- functions -------------------------------------------------------------------------

HOLDERS = {
    "a dict": ('MODELS = {"f": fee}', 'MODELS["f"](x)'),
    "a list in a tuple": ("HELD = ([fee],)", "HELD[0][0](x)"),
    "a partial": ("held = partial(fee, 100)", "held() - 100 + x"),
    "a default": ("def call(x, f=fee): return f(x)", "call(x)"),
    "a keyword's default": ("call = lambda x, *, f=fee: f(x)", "call(x)"),
    "a class": ("class Held: f = staticmethod(fee)", "Held.f(x)"),
    "a closure": ("def hold(f):\n    return lambda x: f(x)\nheld = hold(fee)", "held(x)"),
    "an instance": ("from types import SimpleNamespace as N\nheld = N(f=fee)", "held.f(x)"),
}


@pytest.mark.parametrize(("holding", "asking"), HOLDERS.values(), ids=HOLDERS)
def test_whoever_holds_a_function_has_the_new_one_at_every_save(
    project: Project, holding: str, asking: str
) -> None:
    text = "def fee(x): return x - {}\n"
    project.load("quant_costs", text.format(1))
    project.load(
        "quant_held", f"from functools import partial\nfrom quant_costs import fee\n{holding}\n"
    )
    user = project.load(
        "quant_user",
        "from afml_cache import robust_cacheable\nfrom quant_held import *\n"
        f"@robust_cacheable\ndef pnl(x): return {asking}\n",
    )
    assert user.pnl(100) == 99
    for amount in (2, 3, 2, 4, 4, 1):
        project.save("quant_costs", text.format(amount))
        assert user.pnl(100) == 100 - amount


KINDS = {
    "a lambda": "fee = lambda x: x - {}",
    "a cached function": (
        "from afml_cache import robust_cacheable\n@robust_cacheable\ndef fee(x): return x - {}"
    ),
    "a memoized function": "import functools\n@functools.cache\ndef fee(x): return x - {}",
    "a decorated function": (
        "from quant_deco import plain\n@plain\ndef fee(x): return x - {}"  # without `wraps`
    ),
    "a function": "def fee(x): return x - {}",
}


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
def test_a_function_that_is_held_may_become_another_kind_of_function(
    project: Project, before: str, after: str
) -> None:
    project.load("quant_deco", "def plain(f):\n    def inner(x): return f(x)\n    return inner\n")
    project.load("quant_costs", KINDS[before].format(1))
    user = project.load("quant_user", "from quant_costs import fee\nHELD = {'f': fee}\n")
    pnl = robust_cacheable(lambda x: user.HELD["f"](x))
    assert user.HELD["f"](100) == pnl(100) == 99
    for amount in (2, 3):
        project.save("quant_costs", KINDS[after].format(amount))
        assert user.fee(100) == 100 - amount
        if "decorated" in before + after and before != after:
            # A closure is not exchanged for none: the old code runs, and nothing of it is kept.
            with pytest.warns(CacheWarning, match="edited since it was imported"):
                assert pnl(100) == user.HELD["f"](100) in (99, 100 - amount)
            return
        assert pnl(100) == user.HELD["f"](100) == 100 - amount


def test_a_second_name_of_a_function_does_not_make_it_another(project: Project) -> None:
    project.load("quant_costs", "def fee(x): return x - 1\nlevy = fee\n")
    user = project.load("quant_user", "from quant_costs import fee, levy\nHELD = [fee]\n")
    project.save("quant_costs", "def fee(x): return x - 2\ndef levy(x): return x - 50\n")
    assert user.HELD[0](100) == user.fee(100) == 98 and user.levy(100) == 50


def test_functions_of_one_name_stay_apart(project: Project) -> None:
    text = """
        HELD = []
        def fee(x): return x - {0}
        HELD.append(fee)
        def fee(x): return x - {0} * 10
        class Model:
            @property
            def limit(self): return {0}
            @limit.setter
            def limit(self, value): self.set = value * {0}
    """
    costs = project.load("quant_costs", text.format(1))
    held, model = costs.fee, costs.Model()
    project.save("quant_costs", text.format(2))
    model.limit = 5
    assert held(100) == 80 and (model.limit, model.set) == (2, 10)
    assert costs.HELD[0](100) == 98


def test_a_function_imported_from_elsewhere_instead_leaves_the_first_alone(
    project: Project,
) -> None:
    first = project.load("quant_a", "def fee(x): return x - 1\n")
    project.load("quant_b", "def fee(x): return x - 2\n")
    costs = project.load("quant_costs", "from quant_a import fee\n")
    project.save("quant_costs", "from quant_b import fee\n")
    assert costs.fee(100) == 98 and first.fee(100) == 99


def test_a_function_that_is_gone_from_the_source_is_gone(project: Project) -> None:
    text = "COUNT = 1\ndef round(x): return 'mine'\ndef f(x): return round(x)\n"
    costs = project.load("quant_costs", text)
    assert costs.f(1.2) == "mine"
    costs.PUT_THERE = print
    project.save("quant_costs", text.replace("def round(x): return 'mine'\n", ""))
    assert costs.f(1.2) == 1 and costs.COUNT == 1 and costs.PUT_THERE is print


def test_versions_that_nobody_holds_are_not_kept(project: Project) -> None:
    costs = project.load("quant_costs", "def fee(x): return x\n")
    first = weakref.ref(costs.fee)
    for amount in range(3):
        project.save("quant_costs", f"def fee(x): return x - {amount}\n")
    gc.collect()
    assert first() is None


@pytest.mark.parametrize("decorator", ["robust_cacheable", "cacheable"])
def test_ipython_makes_a_decorated_function_the_new_one_too(
    project: Project, decorator: str
) -> None:
    extension = pytest.importorskip("IPython.extensions.autoreload")
    text = f"from afml_cache import {decorator}\n@{decorator}\ndef fee(x): return x - {{}}\n"
    costs = project.load("quant_costs", text.format(1))
    held, old_objects = [costs.fee], {}  # type: ignore[var-annotated]
    assert held[0](100) == 99
    for amount in (2, 3, 2):
        project.path.joinpath("quant_costs.py").write_text(text.format(amount))
        extension.superreload(costs, importlib.reload, old_objects)
        assert held[0](100) == costs.fee(100) == 100 - amount


# -- what cannot be reached: nothing is kept of it ----------------------------------------

UNREACHED = {
    "what a factory had returned": (
        "def make(n):\n    def inner(x): return x + n + 1\n    return inner\n",
        "def make(n):\n    def inner(x): return x + n + 2\n    return inner\n",
        "make(3)",
    ),
    "a function in whose place there is a class": (
        "def fee(x): return x - 1\n",
        "class fee(int): pass\n",
        "fee",
    ),
    "a function that closes over more": (
        "def make():\n    def inner(x): return x - 1\n    return inner\nfee = make()\n",
        "def make(n=2):\n    def inner(x): return x - n\n    return inner\nfee = make()\n",
        "fee",
    ),
    "a function that is gone": ("def fee(x): return x - 1\n", "X = 1\n", "fee"),
}


@pytest.mark.parametrize(("before", "after", "held"), UNREACHED.values(), ids=UNREACHED)
def test_a_result_of_old_code_that_is_still_held_is_not_kept(
    project: Project, before: str, after: str, held: str
) -> None:
    project.load("quant_costs", before)
    user = project.load(
        "quant_user",
        f"""
        from afml_cache import robust_cacheable
        from quant_costs import *
        HELD = [{held}]
        @robust_cacheable
        def pnl(x): return HELD[0](x)
        """,
    )
    first = user.pnl(100)
    assert user.pnl.cache_contains(100)
    project.save("quant_costs", after)
    with pytest.warns(CacheWarning, match="edited since it was imported"):
        assert user.pnl(100) == first  # the code that ran before still runs
    assert user.pnl.cache_info().hits == 0 and user.pnl.explain(100).reason == "source_changed"
    project.save("quant_costs", before)
    assert user.pnl(100) == first and user.pnl.cache_info().hits == 1


# -- functools.lru_cache ------------------------------------------------------------------


def test_what_functools_keeps_of_a_caller_of_old_code_is_dropped(project: Project) -> None:
    text = "def fee(x): return x - {}\n"
    project.load("quant_costs", text.format(1))
    strategy = project.load(
        "quant_strategy",
        """
        from functools import cache, lru_cache
        from quant_costs import fee
        calls = []
        @lru_cache
        def cost(x): return fee(x)
        @cache
        def unconcerned(x): return calls.append(x)
        """,
    )
    pnl = robust_cacheable(lambda x: strategy.cost(x))
    assert strategy.cost(100) == pnl(100) == 99
    strategy.unconcerned(1)
    for amount in (5, 6, 5):
        project.save("quant_costs", text.format(amount))
        assert strategy.cost(100) == pnl(100) == 100 - amount
    strategy.unconcerned(1)
    assert strategy.calls == [1]


def test_what_functools_keeps_of_an_old_version_that_is_held_is_dropped(project: Project) -> None:
    text = """
        import functools
        @functools.lru_cache
        def cost(x): return x - {0}
        class Model:
            @functools.lru_cache
            def fit(self, x): return x - {0}
    """
    costs = project.load("quant_costs", text.format(1))
    held, model = [costs.cost], costs.Model()
    assert held[0](100) == model.fit(100) == 99
    for amount in (5, 6):
        project.save("quant_costs", text.format(amount))
        assert held[0](100) == model.fit(100) == 100 - amount


def test_what_functools_keeps_is_of_the_constants_that_are_set_now(project: Project) -> None:
    """No reload: a program sets a constant, as a sweep does."""
    conf = project.load("quant_conf", "FEE = 1\n")
    strategy = project.load(
        "quant_strategy",
        """
        import functools
        import quant_conf
        @functools.cache
        def cost(x): return cost(x - 10) if x > 100 else x - quant_conf.FEE
        """,
    )
    pnl = robust_cacheable(lambda x: strategy.cost(x))
    assert pnl(100) == 99
    conf.FEE = 5
    assert pnl(100) == 95
    conf.FEE = 1
    assert pnl(100) == 99 and pnl.cache_info().hits == 1
    assert pnl(110) == 99


def test_what_functools_keeps_stays_while_nothing_has_changed(project: Project) -> None:
    strategy = project.load(
        "quant_strategy",
        """
        import functools
        calls = []
        @functools.cache
        def load(): return calls.append(1)
        def one(x): return load(), x
        def other(x): return load(), -x
        """,
    )
    strategy.load()
    robust_cacheable(strategy.one)(1), robust_cacheable(strategy.other)(1)
    assert strategy.calls == [1]


def test_what_numba_has_compiled_is_of_the_code_that_is_loaded(project: Project) -> None:
    pytest.importorskip("numba")
    text = "import numba\nRATE = {0}\n@numba.njit\ndef fee(x): return x - {0}\n"
    costs = project.load("quant_costs", text.format(1))
    strategy = project.load(
        "quant_strategy",
        """
        import numba
        from quant_costs import RATE, fee
        @numba.njit
        def inner(x): return fee(x) + RATE
        @numba.njit
        def cost(x): return inner(x) * 10
        HELD = [fee]
        """,
    )
    pnl = robust_cacheable(lambda x: strategy.cost(x))

    @robust_cacheable
    def held(x: float) -> Any:
        return strategy.HELD[0](x)

    assert pnl(100) == 1000 and held(100) == 99
    for n in (2, 3):
        project.save("quant_costs", text.format(n).replace(f"RATE = {n}", f"RATE = {10 * n}"))
        assert strategy.cost(100) == pnl(100) == (100 - n + 10 * n) * 10
        with pytest.warns(CacheWarning) if n == 2 else contextlib.nullcontext():
            assert held(100) == 99  # numba's function is the old one: nothing is kept of it
    assert held.cache_info().entries == 1
    costs.fee(1)
    strategy.RATE = 0  # by a program
    assert pnl(100) == 970


# -- classes ------------------------------------------------------------------------------

STRATEGY = """
    class Base:
        def __init__(self, k): self.k = k
        def sig(self, x): return x * self.k
    class Strat(Base):
        def __init__(self, k): super().__init__(k)
        def sig(self, x): return super().sig(x) + {0}
        @staticmethod
        def st(x): return x + {0}
        @classmethod
        def cm(cls, x): return x + {0} + cls.EXTRA
        @property
        def limit(self): return {0}
        EXTRA = {0} * 100
"""


def test_whoever_holds_a_class_or_a_method_has_the_new_one_at_every_save(project: Project) -> None:
    module = project.load("quant_strategy", STRATEGY.format(1))
    user = project.load(
        "quant_user",
        """
        from afml_cache import robust_cacheable
        from quant_strategy import Strat
        REG = {"a": Strat}
        BOUND, ST, CM, GET = Strat(2).sig, Strat.st, Strat.cm, Strat.limit.fget
        INSTANCE = Strat(2)
        def call(x, s=Strat): return s(2).sig(x)
        class Sub(Strat): pass
        @robust_cacheable
        def all_of(x):
            return [
                REG["a"](2).sig(x), BOUND(x), INSTANCE.sig(x), call(x), Sub(2).sig(x), ST(x),
                REG["a"].st(x), CM(x), GET(INSTANCE), INSTANCE.limit, REG["a"].EXTRA
            ]
        """,
    )
    for n in (1, 2, 3, 2):
        if n != 1 or module.Strat.EXTRA != 100:
            project.save("quant_strategy", STRATEGY.format(n))
        expected = [20 + n] * 5 + [10 + n] * 2 + [10 + n + n * 100] + [n, n, n * 100]
        assert user.all_of(10) == expected
        assert user.REG["a"] is user.Strat is module.Strat is type(user.INSTANCE)


def test_a_class_that_is_asked_for_by_identity_is_still_found(project: Project) -> None:
    text = "class Trade:\n    def pnl(self): return {}\nclass Failed(Exception): pass\n"
    module = project.load("quant_trades", text.format(1))
    user = project.load(
        "quant_user",
        """
        from functools import singledispatch
        from quant_trades import Failed, Trade
        KINDS = (Trade, int)
        TABLE = {Trade: "a trade"}
        @singledispatch
        def cost(what): return "anything"
        @cost.register
        def _(what: Trade): return "a trade"
        """,
    )
    old = module.Trade()
    user.cost(old)
    project.save("quant_trades", text.format(2))
    for trade in (old, module.Trade()):
        assert isinstance(trade, user.KINDS) and trade.pnl() == 2
        assert user.TABLE[type(trade)] == user.cost(trade) == "a trade"
        assert type(pickle.loads(pickle.dumps(trade))) is module.Trade
    with pytest.raises(user.Failed):
        raise module.Failed


def test_a_class_loses_what_its_source_has_lost(project: Project) -> None:
    module = project.load("quant_a", "class Model:\n    LIMIT = 1\n    def old(self): pass\n")
    held = module.Model
    project.save("quant_a", "class Model:\n    def new(self): return 2\n")
    assert held().new() == 2 and not hasattr(held, "old") and not hasattr(held, "LIMIT")


def test_classes_that_register_themselves_are_registered_once(project: Project) -> None:
    text = """
        KINDS = {{}}
        class Base:
            listed = []
            def __init_subclass__(cls):
                Base.listed.append(cls)
                KINDS[cls.__name__] = cls
        class Model(Base):
            def fit(self): return {0}
        ONE = Model()
    """
    module = project.load("quant_a", text.format(1))
    first = module.ONE
    project.save("quant_a", text.format(2))
    assert list(module.KINDS.values()) == [module.Model] and module.Base.listed == [module.Model]
    assert type(module.ONE) is type(first) is module.Model and first.fit() == 2
    assert module.Base.__subclasses__() == [module.Model]


DATACLASSES = {
    "a dataclass": ("@dataclass", "@dataclass"),
    "with slots": ("@dataclass(slots=True)", "@dataclass(slots=True)"),
    "becomes frozen": ("@dataclass", "@dataclass(frozen=True)"),
}


@pytest.mark.parametrize(("before", "after"), DATACLASSES.values(), ids=DATACLASSES)
def test_dataclasses_follow(project: Project, before: str, after: str) -> None:
    text = """
        from dataclasses import dataclass, field
        {0}
        class Fill:
            price: float = {1}
            parts: {2} = field(default_factory={2})
            def cost(self): return self.price + {1}
    """
    module = project.load("quant_a", text.format(before, 1.0, "list"))
    held = {"k": module.Fill}
    one = module.Fill()
    cost = robust_cacheable(lambda: (held["k"]().cost(), type(held["k"]().parts).__name__))
    assert cost() == (2.0, "list")
    project.save("quant_a", text.format(after, 2.0, "dict"))
    assert cost() == (4.0, "dict") and one.cost() == 3.0
    assert held["k"]() == module.Fill() and isinstance(one, module.Fill)
    project.save("quant_a", text.format(after, 2.0, "set"))  # only a field's factory is another
    assert cost() == (4.0, "set")


NEW_CLASSES = {
    "other slots": ("__slots__ = ('k',)", "__slots__ = ('k', 'm')"),
    "another base": ("", "", "(Other)"),
    "another layout": ("", "", "(dict)"),
    "a new __new__": ("", "def __new__(cls, k): return object.__new__(cls)"),
}


@pytest.mark.parametrize("case", NEW_CLASSES.values(), ids=NEW_CLASSES)
def test_of_a_class_that_cannot_be_changed_what_holds_the_old_one_is_not_kept(
    project: Project, case: tuple[str, ...]
) -> None:
    text = """
        class Other: pass
        class Model{base}:
            {body}
            def __init__(self, k): self.k = k
            def fit(self, x): return x + {n}
    """
    before, after, *base = case
    module = project.load("quant_a", text.format(base="", body=before, n=1))
    held = [module.Model]
    fit = robust_cacheable(lambda x: held[0](1).fit(x))
    assert fit(1) == 2
    project.save("quant_a", text.format(base="".join(base), body=after, n=2))
    assert module.Model is not held[0] and module.Model(1).fit(1) == 3
    with pytest.warns(CacheWarning, match="quant_a.py was edited"):
        fit(1)
    assert fit.cache_info().hits == 0 and fit.explain(1).reason == "source_changed"
    held[0] = module.Model
    assert fit(1) == 3 and fit.cache_contains(1)


def test_a_named_tuple_of_other_fields_is_another(project: Project) -> None:
    text = """
        from typing import NamedTuple
        class Fill(NamedTuple):
            {0}: float
            {1}: float
            def cost(self): return self.price * {2}
    """
    module = project.load("quant_a", text.format("price", "size", 1))
    fill = module.Fill(2.0, 7.0)
    project.save("quant_a", text.format("price", "size", 10))
    assert fill.cost() == module.Fill(2.0, 7.0).cost() == 20.0 and type(fill) is module.Fill
    project.save("quant_a", text.format("size", "price", 10))
    assert fill.price == 2.0 and module.Fill(7.0, 2.0).cost() == 20.0


def test_whoever_got_hold_of_a_class_while_it_was_made_has_the_one_there_is(
    project: Project,
) -> None:
    text = """
        from dataclasses import dataclass
        class Outer:
            @dataclass(slots=True)
            class Inner:
                x: int = {0}
                def get(self): return self.x + {0}
            kinds = {{Inner: [Inner]}}
        class Note: pass
        class Noted:
            note = Note()
            def __init_subclass__(cls):
                Noted.last = cls
                Noted.note.of = cls
        class Model(Noted):
            def fit(self): return {0}
    """
    module = project.load("quant_a", text.format(1))
    held, last = module.Outer.Inner, module.Noted.last
    for n in (2, 3):
        project.save("quant_a", text.format(n))
        assert held is module.Outer.Inner and held().get() == module.Outer.Inner().get() == 2 * n
        assert module.Outer.kinds == {held: [held]}
        assert (
            last is module.Noted.last is module.Noted.note.of is module.Model and last().fit() == n
        )


def test_a_class_defined_in_two_places_is_the_one_that_its_name_leads_to(project: Project) -> None:
    text = """
        class Model:
            def fit(self): return "first"
        FIRST = Model
        class Model:
            def fit(self): return {0}
    """
    module = project.load("quant_a", text.format(1))
    held = module.Model
    project.save("quant_a", text.format(2))
    assert held().fit() == module.Model().fit() == 2 and module.FIRST().fit() == "first"


SIDES = """
    import enum
    class Side(enum.Enum):
        BUY = {0}
        SELL = "sell"
        def sign(self): return {1}
        @property
        def word(self): return {1}
    FEE = {1}
"""


def test_an_enumeration_keeps_its_members_while_they_are_the_same(project: Project) -> None:
    module = project.load("quant_a", SIDES.format(1, 1))
    held, sign = module.Side.BUY, module.Side.SELL.sign
    pnl = robust_cacheable(lambda x: x + held.sign() if held is module.Side.BUY else None)
    assert pnl(1) == 2
    for n in (2, 3):
        project.save("quant_a", SIDES.format(1, n))
        assert held is module.Side.BUY is module.Side(1) and n == module.FEE
        assert held.sign() == held.word == sign() == n and pnl(1) == 1 + n


def test_a_member_of_an_enumeration_that_was_edited_is_not_kept(project: Project) -> None:
    """It is none of those that the code asks for: what depends on it is wrong."""
    module = project.load("quant_a", SIDES.format(1, 1))
    user = project.load(
        "quant_b", "from quant_a import Side\ndef pnl(x, s=Side.BUY): return s is Side.BUY\n"
    )
    pnl, of = robust_cacheable(user.pnl), robust_cacheable(lambda s: s is module.Side.SELL)
    old = module.Side.SELL
    assert pnl(1) and of(old)
    project.save("quant_a", SIDES.format(2, 1))
    assert module.Side.BUY.value == 2 and old.value == "sell"
    with pytest.warns(CacheWarning):
        assert not pnl(1)
        assert not of(old)
    assert pnl.cache_info().entries == of.cache_info().entries == 1


def test_a_module_that_fails_half_way_leaves_its_classes_as_they_were(project: Project) -> None:
    text = STRATEGY.format(1)
    module = project.load("quant_strategy", text)
    bound = module.Strat(2).sig
    broken = (
        textwrap.dedent(STRATEGY.format(9)).replace("EXTRA", "NEW") + "\nraise ValueError('no')\n"
    )
    with pytest.raises(ReloadError, match="no"):
        project.save("quant_strategy", broken)
    assert module.Strat(2).sig(10) == bound(10) == 21
    assert module.Strat.EXTRA == 100 and not hasattr(module.Strat, "NEW")
    project.save("quant_strategy", STRATEGY.format(3))
    assert bound(10) == 23


def test_abstract_classes_follow(project: Project) -> None:
    text = """
        import abc
        class Model(abc.ABC):
            @abc.abstractmethod
            def {0}(self): ...
    """
    module = project.load("quant_a", text.format("fit"))
    module.Model.register(int)
    held = module.Model

    class Mine(held):  # type: ignore[misc, valid-type]
        def fit(self) -> int:
            return 1

    Mine()
    project.save("quant_a", text.format("score"))
    assert isinstance(1, module.Model) and held.__abstractmethods__ == {"score"}
