"""`doctor` exits 1 where something wants doing, and bundles without making a cache."""

from __future__ import annotations

import zipfile

from afml_cache import robust_cacheable


@robust_cacheable
def labels(number):
    return number


def test_a_sound_cache_exits_0_and_a_finding_1_with_its_remedy(store, run, run_json):
    labels(1)
    store.flush()
    assert "nothing is wrong" in run("doctor").output
    (store.directory / "mlruns").mkdir()
    (finding,) = [
        one for one in run_json("doctor", code=1)["findings"] if one["level"] == "warning"
    ]
    assert finding["check"] == "two systems"
    text = run("doctor", code=1).output
    assert finding["what"] in text and finding["remedy"] in text


def test_a_bundle_is_written_where_it_is_asked_for(store, run, tmp_path):
    labels(1)
    store.flush()
    file = tmp_path / "bundle.zip"
    assert str(file) in run("doctor", "--bundle", str(file)).stderr
    assert "statistics.json" in zipfile.ZipFile(file).namelist()
    nowhere = tmp_path / "nowhere"
    run("doctor", "--directory", str(nowhere), "--bundle", str(file))
    assert "statistics.json" not in zipfile.ZipFile(file).namelist()
    assert not nowhere.exists()


def test_a_bundle_that_cannot_be_written_is_said_in_words(store, run, tmp_path):
    labels(1)
    said = run("doctor", "--bundle", str(tmp_path / "no" / "x.zip"), code=3).stderr
    assert f"there is no folder {tmp_path / 'no'}" in said and ".part" not in said
