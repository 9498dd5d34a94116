"""``python -m afml_cache.cli`` is the ``afml-cache`` command."""

from afml_cache.cli import main

if __name__ == "__main__":
    main()
