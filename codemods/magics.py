"""A notebook cell as plain Python of the same length: what IPython adds is painted over.

Lines such as ``%time f(x)``, ``!ls``, ``f?`` and ``files = !ls`` become expressions that do
nothing, so that every position stays true. Names that such a line uses stay visible at their
place: a decorator that only a magic mentions is still needed. A cell that is no Python at all
is painted over as a whole. What comes out is only looked at, never written.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from dataclasses import dataclass

from codemods.findings import Code, Finding
from codemods.source import Unreadable, parse

#: Cell magics whose body is Python that runs in the notebook.
RUN_HERE = frozenset(
    {"capture", "time", "timeit", "prun", "memit", "mprun", "lprun", "snakeviz", "pyinstrument"}
    | {"scalene", "debug", "heat", "wandb", "ipytest", "run_pytest", "skip"}
)
#: Cell magics whose body cannot use a name of the notebook.
ELSEWHERE = frozenset(
    {"bash", "sh", "script", "cmd", "powershell", "system", "sx", "!", "html", "HTML", "javascript"}
    | {"js", "latex", "markdown", "svg", "SVG", "perl", "ruby", "R", "julia", "sql", "bigquery"}
    | {"writefile", "file", "python", "python2", "python3", "pypy", "mermaid", "css"}
)
#: Line magics that are given words, not names.
_WORDS_ONLY = frozenset(
    {"pip", "conda", "mamba", "micromamba", "uv", "cd", "ls", "cat", "cp", "mv", "rm", "mkdir"}
    | {"sx", "system", "env", "set_env", "load", "load_ext", "reload_ext", "run", "matplotlib"}
    | {"autoreload", "writefile", "config", "sql"}
)

_CELL_MAGIC = re.compile(rb"(?:[ \t]*(?:\r\n|\r|\n))*%%[ \t]*([\w.!]+)[^\r\n]*|[ \t]*!!")
_LINE_MAGIC = re.compile(rb"([ \t]*)(%{1,2}[ \t]*([\w.]*)|[!?,;/])")
_HELP = re.compile(rb"([ \t]*)[^\s#\"'=]*(?:\[[^\]\r\n#]*\][\w.]*)*[ \t]*\?[ \t]*(?=[\r\n]|\Z)")
_ASSIGNED = re.compile(rb"[ \t]*[^\s#=!%][^#=\r\n]*=[ \t]*(%[ \t]*([A-Za-z_][\w.]*)|!)")
_SHELL = re.compile(
    rb"([ \t]*)(?:pip3?|conda|mamba|uv|cd|ls|cat|cp|mv|rm|mkdir)[ \t]+[\w.~/*-][^=\r\n]*"
)
_TO_THE_END = re.compile(rb"(?:[^\r\n\\]|\\\r?\n(?!\Z)|\\)*")
_OWN_NAME = re.compile(rb"%{1,2}[ \t]*[\w.!]*")
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_PART = re.compile(
    rb"(?P<quote>\"\"\"|'''|[\"'])|(?P<comment>#[^\r\n]*)|(?P<open>[(\[{])|(?P<close>[)\]}])"
    rb"|(?P<joined>\\(?:\r\n|\r|\n))|(?P<newline>\r\n|\r|\n)|[^\"'#()\[\]{}\\\r\n]+|.",
    re.DOTALL,
)
_STRING_ENDS = {
    b'"': re.compile(rb'(?:[^"\\\r\n]|\\(?:\r\n|.))*"?', re.DOTALL),
    b"'": re.compile(rb"(?:[^'\\\r\n]|\\(?:\r\n|.))*'?", re.DOTALL),
    b'"""': re.compile(rb'(?:[^"\\]|\\.|"(?!""))*(?:""")?', re.DOTALL),
    b"'''": re.compile(rb"(?:[^'\\]|\\.|'(?!''))*(?:''')?", re.DOTALL),
}
_NAME = re.compile(rb"(?<![\w\x80-\xff])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?![\w\x80-\xff])")
#: Type parameters, ``type`` statements, f-strings and t-strings: what newer Pythons read otherwise.
_NEWER = re.compile(
    rb"\b(?:def|class|type)[ \t]+\w+[ \t]*\[|\btype[ \t]+\w+[ \t]*="
    rb"|(?<!\w)(?:[fFtT][rR]?|[rR][fFtT])[\"']"
)
_FILLED_IN = re.compile(rb"\{[^{}\r\n]*\}|\$\w+")
_KEYWORDS = frozenset(word.encode() for word in keyword.kwlist)


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as Python."""

    python: bytes  #: as long as the cell
    problem: Finding | None = None  #: why the whole cell was painted over


def as_python(cell: bytes, language: str | None = None) -> Shown:
    """The Python of a cell, in as many bytes.

    Parameters
    ----------
    cell : bytes
        Its text.
    language : str, optional
        The language that the notebook names for it, if that is another.

    >>> as_python(b"%time f(x)\\nfiles = !ls\\ny = 1").python
    b'0    ,f,x \\nfiles = 0  \\ny = 1'
    >>> as_python(b"%%bash\\nls").problem.text
    'a cell of %%bash'
    """
    if language is not None:
        problem = Finding(1, 1, Code.CELL_MAGIC, f"a cell of {language}")
        return Shown(_blank_lines(cell, names=False), problem)
    try:
        cell.decode("utf-8")
    except UnicodeError:
        problem = Finding(1, 1, Code.SYNTAX_ERROR, "does not parse: it holds half a character")
        return Shown(_blank_lines(cell, names=True), problem)
    head = 0
    while magic := _CELL_MAGIC.match(cell, head):
        name = (magic[1] or b"!").decode("utf-8", "replace")
        if name not in RUN_HERE:
            line = cell.count(b"\n", 0, magic.start(1) if magic[1] else magic.end()) + 1
            problem = Finding(line, 1, Code.CELL_MAGIC, f"a cell of %%{name}")
            return Shown(_blank_lines(cell, names=name not in ELSEWHERE), problem)
        newline = _NEWLINE.match(cell, magic.end())
        head = newline.end() if newline else len(cell)
    python = _blank_lines(cell[:head], names=True) + cell[head:]
    if _parses(python):
        return Shown(python)
    python = python[:head] + _without_magics(cell[head:])
    try:
        parse(python.decode("utf-8"), may_be_newer=bool(_NEWER.search(python)))
    except Unreadable as answer:
        return Shown(_blank_lines(cell, names=True), answer.finding)
    return Shown(python)


def _parses(python: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(python.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _without_magics(text: bytes) -> bytes:
    """Paint over the magics, which stand only where a statement can begin."""
    pieces: list[bytes] = []
    at = 0
    while at < len(text):
        magic = _magic(text, at)
        if magic is not None:
            begin, end, names = magic
            pieces += (text[at:begin], _blank(text[begin:end], names=names))
        else:
            end = _logical_end(text, at)
            pieces.append(text[at:end])
        at = end
        newline = _NEWLINE.match(text, at)
        if newline:
            pieces.append(newline[0])
            at = newline.end()
    return b"".join(pieces)


def _magic(text: bytes, at: int) -> tuple[int, int, bool | None] | None:
    """Where the magic of a line begins and ends, and which of its names count."""
    names: bool | None = True
    if found := _LINE_MAGIC.match(text, at):
        begin = found.end(1)
        word = (found[3] or b"").decode("utf-8", "replace")
        names = None if found[2] == b"!" or word in _WORDS_ONLY else True
    elif found := _HELP.match(text, at):
        begin = found.end(1)
    elif found := _ASSIGNED.match(text, at):
        begin = found.start(1)
        word = (found[2] or b"").decode("utf-8", "replace")
        names = None if found[1] == b"!" or word in _WORDS_ONLY else True
    elif (found := _SHELL.match(text, at)) and not _parses(found[0].lstrip()):
        begin, names = found.end(1), None
    else:
        return None
    end = _TO_THE_END.match(text, begin)
    assert end is not None
    return begin, end.end(), names


def _logical_end(text: bytes, at: int) -> int:
    """Where the logical line ends that begins at ``at``; its newline is not a part of it."""
    depth = 0
    while at < len(text):
        part = _PART.match(text, at)
        assert part is not None
        if part["newline"] and depth <= 0:
            return at
        at = part.end()
        if part["quote"]:
            end = _STRING_ENDS[part["quote"]].match(text, at)
            assert end is not None
            at = end.end()
        elif part["open"]:
            depth += 1
        elif part["close"]:
            depth -= 1
    return at


def _blank_lines(text: bytes, *, names: bool) -> bytes:
    """Every line painted over by itself, whatever its indentation was."""
    lines = re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
    return b"".join(
        _blank(body := line.rstrip(b"\r\n"), names=names or False) + line[len(body) :]
        for line in lines
    )


def _blank(text: bytes, *, names: bool | None) -> bytes:
    """An expression as long as ``text``; it may go on over lines that end in a backslash.

    ``names``: whether those in it stay visible; None: only those that a shell line fills in.
    """
    painted = bytearray(re.sub(rb"\\(?!\r?\n)|[^\r\n\\]", b" ", text))
    empty = True
    for begin, name in _names(text, names):
        if begin == 1 and empty:
            painted[0:1] = b"+"
        elif begin:
            painted[0:1] = painted[0:1] if not empty else b"0"
            painted[begin - 1 : begin] = b","
        painted[begin : begin + len(name)] = name
        empty = False
    if empty and text:
        painted[0:1] = b"0"
    return bytes(painted)


def _names(text: bytes, names: bool | None) -> list[tuple[int, bytes]]:
    if names is False:
        return []
    own = _OWN_NAME.match(text)
    regions = [(own.end() if own else 0, len(text))]
    if names is None:
        regions = [match.span() for match in _FILLED_IN.finditer(text)]
    found: list[tuple[int, bytes]] = []
    for begin, end in regions:
        for match in _NAME.finditer(text, begin, end):
            if not _KEYWORDS.intersection(match[0].split(b".")):
                found.append((match.start(), match[0]))
    return found
