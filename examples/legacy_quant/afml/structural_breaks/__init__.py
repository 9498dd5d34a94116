"""Structural breaks (AFML, chapter 17): our own corner of the ``afml`` namespace."""
