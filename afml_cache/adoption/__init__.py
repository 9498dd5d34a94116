"""Results of the old decorator, found by the new ones.

joblib compares a function's source text, decorator lines included, so that renaming the decorator
alone would throw away all that ``@cacheable`` has stored. :mod:`look` finds joblib's entry of a
call (by :mod:`hashing` its arguments, or by what was :mod:`noted`) and asks whether it may be used:
is the :mod:`recorded` source the function's, was nothing that it reaches edited since it was pinned
(:mod:`pins`) or since the migration was applied (:mod:`snapshots`, of what is :mod:`written` in the
files), does it close over nothing (:mod:`closures`), can its folder be trusted (:mod:`trust`).
:mod:`serve` seals what is adopted. joblib's folders are only read. Nothing is imported here, so
that a miss without legacy entries costs next to nothing.
"""
