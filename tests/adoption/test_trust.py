"""Which folders of pickles are trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from afml_cache.adoption.trust import DistrustedError, distrusted, open_trusted

PARTS = ("joblib", "module", "function", "hash", "output.pkl")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = (tmp_path / "cache").joinpath(*PARTS)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    for step in (path, *path.parents[:5]):
        step.chmod(0o644 if step == path else 0o755)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_what_only_the_user_can_write_to_is_trusted(root: Path, file: Path) -> None:
    assert distrusted(root, file) is None


@pytest.mark.parametrize("bit", [0o020, 0o002], ids=["group", "others"])
@pytest.mark.parametrize("level", range(6))
def test_a_step_that_others_can_write_to_is_named_with_the_remedy(
    root: Path, file: Path, level: int, bit: int
) -> None:
    step = [root, *(root.joinpath(*PARTS[: n + 1]) for n in range(5))][level]
    step.chmod(step.stat().st_mode | bit)
    why = distrusted(root, file)
    assert why is not None
    assert str(step) in why
    assert "chmod -R go-w" in why


def test_below_a_folder_that_others_cannot_enter_their_bits_do_not_matter(
    root: Path, file: Path
) -> None:
    root.chmod(0o700)
    for step in (file, *file.parents[:4]):
        step.chmod(0o777)
    assert distrusted(root, file) is None


def test_the_root_itself_counts_whoever_can_enter_it(root: Path, file: Path) -> None:
    root.chmod(0o722)
    assert distrusted(root, file) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("level", range(6))
def test_a_step_of_another_user_is_named(root: Path, file: Path, level: int) -> None:
    step = [root, *(root.joinpath(*PARTS[: n + 1]) for n in range(5))][level]
    root.chmod(0o700)
    os.chown(step, 12345, -1)
    why = distrusted(root, file)
    assert why is not None
    assert f"{step} belongs to another user (id 12345" in why


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path, root: Path, file: Path) -> None:
    outside = tmp_path / "outside.pkl"
    outside.write_bytes(b"")
    outside.chmod(0o666)
    file.unlink()
    file.symlink_to(outside)
    assert distrusted(root, file) is not None


def test_a_file_that_has_gone_is_not_trusted(root: Path, file: Path) -> None:
    file.unlink()
    why = distrusted(root, file)
    assert why is not None
    assert "cannot be looked at" in why


def test_beyond_a_link_the_folders_around_do_not_protect(
    tmp_path: Path, root: Path, file: Path
) -> None:
    """A scratch disk that the cache was moved to, say."""
    root.chmod(0o700)
    scratch = tmp_path / "scratch"
    (root / "joblib").rename(scratch)
    (root / "joblib").symlink_to(scratch)
    assert distrusted(root, file) is None
    for step in (scratch, scratch / "module" / "function" / "hash" / "output.pkl"):
        mode = step.stat().st_mode
        step.chmod(mode | 0o002)
        assert distrusted(root, file) is not None
        step.chmod(mode)
    assert distrusted(root, file) is None


def test_a_link_through_a_folder_that_others_can_change_is_not_followed(
    tmp_path: Path, root: Path, file: Path
) -> None:
    root.chmod(0o700)
    open_to_all = tmp_path / "scratch"
    open_to_all.mkdir()
    (root / "joblib").rename(open_to_all / "mine")
    (root / "joblib").symlink_to(open_to_all / "mine")
    assert distrusted(root, file) is None
    open_to_all.chmod(0o777)
    why = distrusted(root, file)
    assert why is not None
    assert str(open_to_all) in why
    open_to_all.chmod(0o1777)  # as /tmp: nobody can rename what is another's
    assert distrusted(root, file) is None


def test_the_file_that_is_read_is_the_file_that_was_checked(root: Path, file: Path) -> None:
    file.write_bytes(b"checked")
    with open_trusted(root, file) as opened:
        file.unlink()
        file.write_bytes(b"another")
        assert opened.read() == b"checked"
    file.chmod(0o666)
    with pytest.raises(DistrustedError, match="can be written to by others"):
        open_trusted(root, file)
