"""``python -m codemods.cli`` is the ``afml-codemod`` command."""

from codemods.cli import main

if __name__ == "__main__":
    main()
