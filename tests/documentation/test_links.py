"""Every relative link in the documents leads to a file that is there, and to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def without_code(text: str) -> str:
    """The prose: what stands in blocks and between backticks is no link."""
    return re.sub(
        r"(`+)(?:(?!\1)[^\n])+?\1",
        "",
        re.sub(r"^( *)(```+|:::+)[^\n]*\n.*?^\1\2\s*$", "", text, flags=re.S | re.M),
    )


def anchors(document: Path) -> set[str]:
    """Where a link into a document can lead: its headings as GitHub calls them, and its labels."""
    text = document.read_text("utf-8")
    prose = re.sub(r"^```.*?^```\s*$", "", text, flags=re.S | re.M)
    found = set(re.findall(r"^\(([^)\s]+)\)=$", prose, re.M))
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", prose, re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        while slug in found:
            slug += "-1"
        found.add(slug)
    return found


def links(document: Path) -> list[str]:
    """The targets of a document's links and pictures that lead to no other place of the network."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(document.read_text("utf-8")))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def broken(document: Path) -> list[str]:
    """The links that lead nowhere, with what is missing."""
    found = []
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            found.append(f"{link}: no file {path}")
        elif anchor and anchor not in anchors(target):
            found.append(f"{link}: no heading {anchor} in {target.name}")
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_the_documents_have_links_and_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    assert sum(len(links(document)) for document in DOCUMENTS) > 100
    (tmp_path / "there.md").write_text("# A heading, *here*\n\n```python\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-heading-here) [c](gone.md) [d](there.md#no-heading)\n"
        "[e](https://example.org) `[f](code.md)`\n\n```text\n[g](code.md)\n```\n"
    )
    assert broken(page) == [
        "gone.md: no file gone.md",
        "there.md#no-heading: no heading no-heading in there.md",
    ]


def test_every_page_is_in_the_index_once() -> None:
    docs = ROOT / "docs"
    trees = re.findall(r"```\{toctree\}\n(.*?)```", (docs / "index.md").read_text("utf-8"), re.S)
    listed = [line for tree in trees for line in tree.splitlines() if not line.startswith(":")]
    named = [name for name in listed if (docs / f"{name}.md").exists()]
    assert sorted(named) == sorted(path.stem for path in docs.glob("*.md") if path.stem != "index")
