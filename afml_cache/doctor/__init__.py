"""What goes wrong with caches, looked for: each module has its findings, :mod:`examine` all.

Nothing is made, changed or repaired by looking.
"""
