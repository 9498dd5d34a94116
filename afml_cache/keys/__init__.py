"""Value -> digest.

The rooms here turn values, functions and calls into keys and know nothing of storage. Import
what you need from its module: this one stays empty so that starting is cheap.
"""
