"""Recordings of cached calls, and what has changed between two: proof of a migration.

`recording` is their shape, `file` reads and writes them, `compare` holds two against each other;
these three know neither pytest nor afml_cache, so that any tool can call them. `words` puts a
comparison into words; `recorder` and `session` make recordings of a pytest run; `plugin` has the
options.
"""
