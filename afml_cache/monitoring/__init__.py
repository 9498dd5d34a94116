"""What the statistics are made of: figures, findings, tables and files.

:mod:`figures` and :mod:`summary` make the numbers, :mod:`health` and :mod:`patterns` judge them,
:mod:`frames` and :mod:`tables` show them, :mod:`files` and :mod:`evidence` write them.
"""
