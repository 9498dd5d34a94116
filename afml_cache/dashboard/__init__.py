"""The dashboard: one page that shows what the cache did, what to do about it, and what may go.

:mod:`look` reads the cache, :mod:`shown` is what the page shows as a value, :mod:`advice` finds
the command that acts on a finding; :mod:`plots` and :mod:`tables` draw it, :mod:`page` makes one
file of it, :mod:`server` serves that on this machine with numbers that keep up.
"""
