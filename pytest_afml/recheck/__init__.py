"""Rechecking: bodies of cached functions are run again, and held against what is stored.

`check` runs one call again and says what came of it; `chosen` chooses calls while a test is on,
keeps copies of their arguments, and has them checked when it is over; `patience` interrupts what
takes too long; `options` reads what was asked for. It is a part of recording, and does nothing
without ``--afml-record``.
"""
