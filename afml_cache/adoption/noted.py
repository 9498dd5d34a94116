"""What the notes of exact keys tell of joblib's entries, where they were kept.

While ``configure(note_exact_keys=True)`` was in force, every call under ``@cacheable`` noted its
exact key beside joblib's hash. So an entry is found by what its arguments *are*, whatever joblib
makes of their hidden state; and where the note is of the call that computed it, it tells by which
code.
"""

from __future__ import annotations

from dataclasses import dataclass

from afml_cache.keys.code import Fingerprint
from afml_cache.store.store import Store


@dataclass(frozen=True, slots=True)
class Notes:
    """joblib's hashes of one call, and the code by which some of their entries were computed."""

    hashes: tuple[str, ...] = ()
    computed_by: tuple[tuple[str, bytes], ...] = ()

    def contradict(self, hashed: str, whole: Fingerprint) -> bool:
        """Whether the entry under a hash is known to have been computed by other code."""
        codes = {code for noted, code in self.computed_by if noted == hashed}
        return bool(codes) and whole.code not in codes


def notes_of(store: Store, function: str, arguments: bytes, whole: Fingerprint) -> Notes:
    """What was noted of calls with exactly these arguments.

    Parameters
    ----------
    function : str
        Its identity.
    arguments : bytes
        The digest of all arguments.
    whole : Fingerprint
        Under other versions of the packages, joblib's entry may hold what is none today.
    """
    from afml_cache.noted.book import path_in

    if not path_in(store.directory).exists():
        return Notes()
    from afml_cache.noted.keys import noted_entries

    found = noted_entries(store, function, arguments)
    return Notes(
        hashes=tuple(
            note.joblib_hash
            for note in found
            if note.joblib_hash is not None and note.environment == whole.environment
        ),
        computed_by=tuple(
            (note.joblib_hash, note.code)
            for note in found
            if note.joblib_hash is not None and note.calls > note.hits
        ),
    )
