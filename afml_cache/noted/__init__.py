"""Exact keys of calls under ``@cacheable``, noted when asked.

:mod:`call` makes the key of one call, :mod:`keys` says what was noted, :mod:`book` keeps it.
Nothing is imported here: only who notes, or asks for notes, pays for them.
"""
