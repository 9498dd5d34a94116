"""What the page about peers says of this cache and of joblib is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import peer_behaviour

ROOT = Path(__file__).parents[2]


def column(peer: str) -> dict[str, str]:
    """The answers that the page gives for one cache."""
    page = (ROOT / "docs" / "peers.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("|")
    ]
    place = rows[0].index(peer)
    return {row[0]: row[place] for row in rows if row[0] in peer_behaviour.QUESTIONS}


@pytest.mark.slow
@pytest.mark.whole
@pytest.mark.timeout(300)
@pytest.mark.parametrize("peer", ["afml_cache", "joblib"])
def test_the_page_says_what_the_programs_do(peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert peer_behaviour.answers(peer) == column(peer)


def test_this_cache_answers_every_question_with_yes_and_its_peers_some_with_no() -> None:
    told = column("afml_cache")
    assert told == dict.fromkeys(peer_behaviour.QUESTIONS, "yes")
    assert "no" in column("joblib").values() and "no" in column("diskcache").values()
