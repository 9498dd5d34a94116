"""Codemods that move a repository from ``@cacheable`` to its successors, and back.

:mod:`codemods.plan` decides what to change, as a value; everything else shows that value,
carries it out (:mod:`codemods.runner`) or undoes it (:mod:`codemods.rollback`). Nothing in
here imports the cache itself or pandas: the codemods run where neither is installed.

pytest would rewrite the asserts of whatever is installed along with a plugin, and warn where it is
imported already; there are none to rewrite here: PYTEST_DONT_REWRITE.
"""
