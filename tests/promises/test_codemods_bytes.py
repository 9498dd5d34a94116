"""Every byte that need not change stays: newlines, encodings, layout, modes and links, on disk.

All the files are migrated by one ``apply`` and rolled back by one ``rollback``; a test each then
compares what the disk held with what it should.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemods.plan import plan
from tests.promises import test_codemods_decorators as decorators
from tests.promises import test_codemods_imports as imports
from tests.promises import test_codemods_left_alone as left_alone
from tests.promises import test_codemods_rebound as rebound
from tests.promises import test_codemods_scopes as scopes
from tests.promises import test_codemods_statements as statements
from tests.promises import test_codemods_values as values
from tests.promises.codemod_cases import after, before, cases

#: What most files begin and end with; the marks say what changes.
IMPORT = "from afml.cache import «cacheable»\n"
BODY = "\n@«cacheable»\ndef f(x):\n    return x + 1\n"
WHOLE = IMPORT + BODY


def changed(marked: str, encoding: str = "utf-8", **newlines: str) -> tuple[bytes, bytes]:
    texts = before(marked), after(marked)
    if newlines:
        texts = texts[0].replace("\n", newlines["end"]), texts[1].replace("\n", newlines["end"])
    return texts[0].encode(encoding), texts[1].encode(encoding)


def alternating(marked: str) -> tuple[bytes, bytes]:
    """Its lines end in LF, CRLF and CR by turns."""

    def mix(text: str) -> bytes:
        ends = ["\n", "\r\n", "\r"]
        return "".join(
            line + ends[number % 3] for number, line in enumerate(text.split("\n"))
        ).encode()

    return mix(before(marked)), mix(after(marked))


SORTED = """\
from afml.cache import (
    «cacheable,  # noqa: F401
    →»get_cache_stats,  # type: ignore[attr-defined]
«→    robust_cacheable,  # noqa: F401
»)
"""

FILES: dict[str, tuple[bytes, bytes]] = {
    "crlf": changed(WHOLE, end="\r\n"),
    "crlf_list": changed(SORTED + BODY, end="\r\n"),
    "cr": changed(WHOLE, end="\r"),
    "cr_list": changed(SORTED + BODY, end="\r"),
    "mixed_newlines": alternating(WHOLE + BODY + BODY),
    "crlf_in_strings": changed(WHOLE + 's = """a\r\nb\rc\n"""\n'),
    "tabs": changed(
        "def g():\n\t" + IMPORT + "\t@«cacheable»\n\tdef f(x):\n\t \treturn x\n\treturn f\n"
    ),
    "bom": changed("\ufeff" + WHOLE),
    "bom_crlf": changed("\ufeff" + WHOLE, end="\r\n"),
    "bom_and_cookie": changed("\ufeff# coding: utf-8\n" + WHOLE),
    "latin_1": changed("# -*- coding: latin-1 -*-\n" + WHOLE + "s = 'été' # ÿ\n", "latin-1"),
    "latin_1_same_line": changed(
        "# coding: latin-1\ns = 'éééé'; " + WHOLE.replace("@", "@(lambda é: é) # ß\n@"), "latin-1"
    ),
    "cookie_on_second_line": changed(
        "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\ns = '€'; " + WHOLE, "cp1252"
    ),
    "euro": changed("# coding: iso-8859-15\n" + WHOLE + "s = '€'\n", "iso-8859-15"),
    "koi8": changed("# coding: koi8-r\ns = 'данные'; " + WHOLE, "koi8-r"),
    "shift_jis": changed("# coding: shift_jis\ns = '表ソ十'; " + WHOLE, "shift_jis"),
    "euc_jp": changed("# coding: euc-jp\ns = '計算'; " + WHOLE, "euc-jp"),
    "gb18030": changed("# coding: gb18030\ns = '数据'; " + WHOLE, "gb18030"),
    "utf_8_same_line": changed("s = '𝔘é計'; " + WHOLE.replace("\n@", "\nω = 1\n@")),
    "form_feeds": changed("\f" + IMPORT + "\f\n" + BODY.replace("@", "\f@") + "\f\n"),
    "form_feed_first": changed("\f\n'''doc'''\n" + WHOLE),
    "no_final_newline": changed(WHOLE.rstrip("\n")),
    "no_final_newline_after_import": changed(
        "def g():\n    @«cacheable»\n    def f(x): return x\nfrom afml.cache import «cacheable»"
    ),
    "final_cr": changed(WHOLE.rstrip("\n") + "\r"),
    "blanks_on_the_last_line": changed(WHOLE + "    "),
    "many_final_newlines": changed(WHOLE + "\n\n\n\n"),
    "blanks_at_the_ends": changed(WHOLE.replace("»\n", "»  \t \n")),
    "odd_blanks": changed(
        "from   afml.cache\timport   «cacheable»   ;\n\n@   «cacheable»   \ndef f ( x ) : ...\n"
    ),
    "one_space_of_indentation": changed(
        "def g():\n " + IMPORT + " @«cacheable»\n def f(x):\n  return x\n"
    ),
    "backslashes": changed("from afml.cache \\\n    import \\\n  «cacheable» \\\n\n" + BODY),
    "continued_list": changed(
        "from afml.cache import \\\n    get_cache_stats, \\\n    «cacheable»\n" + BODY
    ),
    "trailing_comma": changed(
        "from afml.cache import (\n    use_store,\n    «cacheable»,\n)\n" + BODY
    ),
    "no_trailing_comma": changed(
        "from afml.cache import (\n    use_store,\n    «cacheable»\n)\n" + BODY
    ),
    "sorted_with_marks": changed(SORTED + BODY),
    "sorted_on_a_line": changed(
        "from afml.cache import «cacheable, →»configure, «→robust_cacheable, »use_store\n" + BODY
    ),
    "kept_in_a_sorted_list": changed(
        "from afml.cache import (\n    cacheable,\n    configure,\n«→    robust_cacheable,\n»)\n"
        "g = cacheable(len)\n" + BODY
    ),
    "continued_sorted_list": changed(
        "from afml.cache import «cacheable→configure», \\\n    «configure→robust_cacheable»\n"
        + BODY
    ),
    "several_names_a_line": changed(
        "from afml.cache import (\n    «cacheable, →»configure,«→ robust_cacheable,»\n)\n" + BODY
    ),
    "noqa": changed("from afml.cache import «cacheable»  # noqa: E402,F401 isort:skip\n" + BODY),
    "type_ignore": changed(
        "from afml.cache import «cacheable»  # type: ignore\n\n"
        "@«cacheable»  # type: ignore[misc]  # noqa\ndef f(x): return x\n"
    ),
    "removed_line_between_comments": changed(
        "# above\n«from afml.cache import cacheable\n→»# between\n"
        "from afml.cache import robust_cacheable\n# below\n" + BODY
    ),
    "removed_crlf_line": changed(
        "import os\n«from afml.cache import cacheable\n→»from afml.cache import robust_cacheable\n"
        + BODY,
        end="\r\n",
    ),
    "long_lines": changed("s = '" + "x" * 100_000 + "'; " + WHOLE),
    "deeply_indented": changed(
        "".join("    " * n + "if True:\n" for n in range(15)) + "    " * 15 + IMPORT + BODY
    ),
    "strings_that_look_alike": changed(
        WHOLE + "s = '@cacheable' \"from afml.cache import cacheable\" # @cacheable\n"
    ),
    "stub.pyi": changed(
        "from afml.cache import «cacheable»\n\n@«cacheable»\ndef f(x: int) -> int: ...\n"
    ),
}


def name_of(title: str) -> str:
    return title if title.endswith(".pyi") else f"{title}.py"


@pytest.fixture(scope="module")
def there_and_back(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The files as ``apply`` left them, what it said, and as ``rollback`` left them."""
    folder = tmp_path_factory.mktemp("bytes")
    for title, (data, _) in FILES.items():
        (folder / name_of(title)).write_bytes(data)
    root = str(Path(__file__).resolve().parent.parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "AFML_CACHE": str(folder / "cache")}

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "codemods.cli", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = command("apply", "--no-pin")
    applied = {title: (folder / name_of(title)).read_bytes() for title in FILES}
    command("apply", "--no-pin")
    again = {title: (folder / name_of(title)).read_bytes() for title in FILES}
    command("rollback")
    back = {title: (folder / name_of(title)).read_bytes() for title in FILES}
    return said, applied, again, back


@pytest.mark.parametrize("title", FILES)
def test_only_the_names_change(there_and_back: Any, title: str) -> None:
    said, applied, _, _ = there_and_back
    assert applied[title] == FILES[title][1], said


@pytest.mark.parametrize("title", FILES)
def test_a_second_run_changes_nothing(there_and_back: Any, title: str) -> None:
    _, applied, again, _ = there_and_back
    assert again[title] == applied[title]


@pytest.mark.parametrize("title", FILES)
def test_a_rollback_restores_every_byte(there_and_back: Any, title: str) -> None:
    assert there_and_back[3][title] == FILES[title][0]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o640, 0o4755, 0o666])
def test_the_mode_stays(codemod: Any, mode: int) -> None:
    path = codemod.write("a.py", before(WHOLE))
    path.chmod(mode)
    codemod("apply")
    assert path.read_text() == after(WHOLE)
    assert path.stat().st_mode & 0o7777 == mode
    codemod("rollback")
    assert path.read_text() == before(WHOLE)
    assert path.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(codemod: Any) -> None:
    path = codemod.write("a.py", before(WHOLE))
    os.chown(path, 65534, 65534)
    codemod("apply")
    assert path.read_text() == after(WHOLE)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)
    codemod("rollback")
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def test_a_file_that_need_not_change_is_not_written(codemod: Any) -> None:
    codemod.write("a.py", before(WHOLE))
    other = codemod.write("b.py", "from functools import cache as cacheable\n")
    was = other.stat()
    codemod("apply")
    now = other.stat()
    assert (now.st_mtime_ns, now.st_ino) == (was.st_mtime_ns, was.st_ino)
    first = (codemod.folder / "a.py").stat()
    codemod("apply")
    second = (codemod.folder / "a.py").stat()
    assert (second.st_mtime_ns, second.st_ino) == (first.st_mtime_ns, first.st_ino)


@pytest.mark.parametrize("target", ["real.py", "deep/real.py"])
def test_a_symbolic_link_stays_one(codemod: Any, target: str) -> None:
    real = codemod.write(target, before(WHOLE))
    link = codemod.folder / "link.py"
    link.symlink_to(target)
    codemod("apply")
    assert link.is_symlink() and not real.is_symlink()
    assert real.read_text() == link.read_text() == after(WHOLE)
    codemod("rollback")
    assert link.is_symlink() and not real.is_symlink()
    assert real.read_text() == before(WHOLE)


def test_a_link_that_is_named_itself_stays_one(codemod: Any) -> None:
    real = codemod.write("real.py", before(WHOLE))
    link = codemod.folder / "link.py"
    link.symlink_to("real.py")
    codemod("apply", "link.py")
    assert link.is_symlink() and not real.is_symlink()
    assert real.read_text() in (before(WHOLE), after(WHOLE))
    codemod("rollback", code=None)
    assert link.is_symlink()
    assert real.read_text() == before(WHOLE)


def test_what_a_link_leads_to_outside_comes_back(codemod: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "real.py").write_text(before(WHOLE))
    (codemod.folder / "link.py").symlink_to(outside / "real.py")
    (codemod.folder / "folder").symlink_to(outside)
    codemod.write("a.py", before(WHOLE))
    codemod("apply", code=None)
    assert codemod.read("a.py").decode() == after(WHOLE)
    assert (codemod.folder / "link.py").is_symlink() and (codemod.folder / "folder").is_symlink()
    codemod("rollback", code=None)
    assert (outside / "real.py").read_text() == before(WHOLE)
    assert [path.name for path in outside.iterdir()] == ["real.py"]


def test_links_that_lead_nowhere_and_in_circles_end(codemod: Any) -> None:
    codemod.write("a.py", before(WHOLE))
    (codemod.folder / "gone.py").symlink_to("nowhere.py")
    (codemod.folder / "self.py").symlink_to("self.py")
    (codemod.folder / "circle").symlink_to(".")
    codemod("apply", code=None)
    assert codemod.read("a.py").decode() == after(WHOLE)


def test_imports_that_were_sorted_for_ruff_are_sorted_afterwards(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=Path(sys.executable).parent)
    if ruff is None:
        pytest.skip("ruff is not installed")
    corpora = [decorators, imports, left_alone, rebound, scopes, statements, values]
    texts = [text for corpus in corpora for text in vars(corpus).values() if isinstance(text, str)]
    params = [param for text in texts if text.startswith("\n=== ") for param in cases(text)]
    found = {f"case_{number}": param.values[0] for number, param in enumerate(params)}
    for name, case in found.items():
        (tmp_path / f"{name}_before.py").write_bytes(case.before)
        (tmp_path / f"{name}_after.py").write_bytes(plan(case.before).carry_out(case.before))
    configuration = tmp_path / "ruff.toml"
    configuration.write_text(
        '[lint]\nselect = ["I001"]\n[lint.isort]\ncombine-as-imports = true\n'
        "lines-after-imports = 1\n"
    )
    done = subprocess.run(
        [ruff, "check", "--config", configuration, "--output-format", "concise", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    unsorted = {line.partition(".py:")[0] for line in done.stdout.splitlines() if "I001" in line}
    assert len(found) > 150 and 0 < len(unsorted) < len(found)
    spoiled = [
        found[name].title
        for name in found
        if f"{name}_after" in unsorted and f"{name}_before" not in unsorted
    ]
    assert spoiled == []
