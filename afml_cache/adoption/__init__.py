"""Results of the old decorator, found by the new ones.

joblib compares a function's source text, decorator lines included, so that renaming the decorator
alone would throw away all that ``@cacheable`` has stored. The rooms here find joblib's entry of a
call (:mod:`hashing`, :mod:`noted`), see that its folder can be trusted (:mod:`trust`), that the
recorded source is the function's (:mod:`recorded`), and that no code it reaches was edited since
(:mod:`pins`); :mod:`look` asks them in order. All of them only read joblib's folders. Nothing is
imported here, so that a miss without legacy entries costs next to nothing.
"""
