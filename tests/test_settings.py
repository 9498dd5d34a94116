"""Settings: what is understood, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from afml_cache import configure, settings
from afml_cache.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (1000, 1000),
        ("1000", 1000),
        ("2 GB", 2_000_000_000),
        ("2gb", 2_000_000_000),
        ("512 MiB", 512 * 2**20),
        ("1.5 kB", 1500),
    ],
    ids=repr,
)
def test_sizes(given, expected):
    assert settings.parse_size(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), (60, 60.0), ("90 s", 90.0), ("30 d", 2_592_000.0), (timedelta(hours=1), 3600.0)],
    ids=repr,
)
def test_ages(given, expected):
    assert settings.parse_age(given) == expected


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"size_limit": "2 gigs"}, "'2 gigs' is not understood; write it as '2 GB'"),
        ({"size_limit": 0}, "not positive"),
        ({"age_limit": "soon"}, "'30 d'"),
        ({"secret": 3}, "secret is 3; it has to be a str or bytes, or None"),
        ({"directory": 3}, "directory is 3; it has to be a str or PathLike, or None"),
        ({"mode": "maybe"}, "it can be one of on, off"),
        ({"package_versions": "major"}, "minor, ignore|minor"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_value_out_of_range_is_refused_and_changes_nothing(wrong, told):
    before = settings.current
    with pytest.raises(ConfigurationError, match=told):
        configure(strict=True, **wrong)
    assert settings.current is before


def test_only_what_is_given_changes():
    configure(strict=True)
    configure(size_limit="1 GB")
    assert settings.current.strict
    configure(size_limit=None)
    assert settings.current.size_limit is None


def test_a_secret_is_not_shown():
    configure(secret="hush")
    assert "hush" not in repr(settings.current)


def test_the_directory_is_configured_or_from_the_environment_or_the_platforms(
    tmp_path, monkeypatch
):
    configure(directory=tmp_path / "configured")
    assert settings.cache_directory() == tmp_path / "configured"
    configure(directory=None)
    monkeypatch.setenv("AFML_CACHE", str(tmp_path / "named"))
    assert settings.cache_directory() == tmp_path / "named"
    monkeypatch.delenv("AFML_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert settings.cache_directory() == Path(tmp_path / "xdg" / "afml")
