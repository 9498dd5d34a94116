"""Every byte that need not change stays: encodings, newlines, odd white space."""

from __future__ import annotations

import codecs

import pytest

CODE = "from afml.cache import cacheable\n\n@cacheable\ndef f(x):\n    return 'é'\n"
AFTER = CODE.replace("cacheable", "robust_cacheable")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "bom"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n    ", "\n    \n", "  # é"])
def test_newlines_byte_order_mark_and_the_end_of_the_file(check_transformed, newline, mark, end):
    def form(code: str) -> bytes:
        return mark + (code.rstrip("\n") + end).replace("\n", newline).encode()

    check_transformed(form(CODE), form(AFTER))


@pytest.mark.parametrize(
    "encoding", ["latin-1", "utf-8", "cp1252", "iso-8859-15", "koi8-r", "shift_jis", "euc-jp"]
)
def test_coding_cookies(check_transformed, encoding):
    def form(code: str) -> bytes:
        letter = {"koi8-r": "ж", "shift_jis": "表", "euc-jp": "表"}.get(encoding, "é")
        code = code.replace("é", letter).replace("(x):", f"(x):  # {letter}{letter}")
        return f"# -*- coding: {encoding} -*-\n# {letter}\n{code}".encode(encoding)

    check_transformed(form(CODE), form(AFTER))


def test_cookie_on_the_second_line_after_a_shebang(check_transformed):
    head = b"#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\n# \xe9\n"
    check_transformed(head + CODE.encode("latin-1"), head + AFTER.encode("latin-1"))


def test_encoding_with_a_memory_is_left(check_noop):
    data = b"# coding: iso-2022-jp\n" + "# 表".encode("iso-2022-jp") + b"\x1b(B\n"
    check_noop(data + CODE.replace("é", "e").encode(), left=("not-lossless",))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\fimport os\n\f\n{}", "\fimport os\n\f\n{}"),
        ("x = '''\r\n\r\n\f'''\n{}", "x = '''\r\n\r\n\f'''\n{}"),
        ("a = 1\r\nb = 2\n{}", "a = 1\r\nb = 2\n{}"),
        ("x = '\\\n'; y = \\\n 1\n{}", "x = '\\\n'; y = \\\n 1\n{}"),
        ("x = 'é' ; {}", "x = 'é' ; {}"),
        ("x = '\u2028 \x85 \x1c \v'\n{}", "x = '\u2028 \x85 \x1c \v'\n{}"),
        ("def é(x):\n\tif x:\n\t\tpass\n\t# é\n{}", "def é(x):\n\tif x:\n\t\tpass\n\t# é\n{}"),
        ("x = 1  \t \n   \n{}", "x = 1  \t \n   \n{}"),
    ],
    ids=["form feed", "newlines in a string", "mixed newlines", "backslashes", "semicolon",
         "separators that are no newlines", "tabs", "trailing space"],
)  # fmt: skip
def test_odd_surroundings(check_transformed, before, after):
    check_transformed(before.format(CODE).encode(), after.format(AFTER).encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from afml . cache import ( cacheable )  # noqa",
            "from afml . cache import ( robust_cacheable )  # noqa",
        ),
        ("from afml.cache import(cacheable)", "from afml.cache import(robust_cacheable)"),
        (
            "from afml.cache \\\n  import \\\n  cacheable # type: ignore",
            "from afml.cache \\\n  import \\\n  robust_cacheable # type: ignore",
        ),
        (
            "from afml.cache import (  # a\n  # b\n  cacheable  # c\n  ,  # d\n  # e\n)",
            "from afml.cache import (  # a\n  # b\n  robust_cacheable  # c\n  ,  # d\n  # e\n)",
        ),
        (
            "from afml.cache import (cacheable\r\n\f, stats)",
            "from afml.cache import (robust_cacheable\r\n\f, stats)",
        ),
    ],
)
def test_odd_import_statements(check_transformed, before, after):
    rest = "\n@cacheable\ndef f(x): ...\n"
    check_transformed(before + rest, after + rest.replace("cacheable", "robust_cacheable"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import afml.cache as c\n@c . cacheable", "import afml.cache as c\n@c . robust_cacheable"),
        (
            "import afml.cache as c\n@(c # a\n  .cacheable # b\n)",
            "import afml.cache as c\n@(c # a\n  .robust_cacheable # b\n)",
        ),
        (
            "from afml.cache import cacheable\n@(\n  cacheable\n  ) (\n)",
            "from afml.cache import robust_cacheable\n@(\n  robust_cacheable\n  ) (\n)",
        ),
    ],
)
def test_odd_decorators(check_transformed, before, after):
    rest = "\ndef f(x): ...\n"
    check_transformed(before + rest, after + rest)


def test_identifier_in_another_unicode_form_is_left(check_noop):
    check_noop(
        "from afml.cache import cacheable\n@ｃacheable\ndef f(x): ...\n", left=("not-lossless",)
    )
