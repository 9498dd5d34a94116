"""Modules that are saved are loaded again; :mod:`afml_cache.auto_reload` is the door to this.

:mod:`automatic` says when: :mod:`save_watch` tells which files are saved, :mod:`saved_modules`
which loaded modules were, and :mod:`whose` which of all modules are the project's.
:mod:`one_module` executes one again, all of it or nothing. What it defines is compared before and
after (:mod:`definitions`): its :mod:`classes` stay the objects they are, if Python lets them, and
whoever holds anything else of it gets the :mod:`new_for_old`. How a decorated function
becomes the new one is further down, in :mod:`afml_cache.taken_over`: ``%autoreload`` alone needs
it, too. Nothing is imported here.
"""
