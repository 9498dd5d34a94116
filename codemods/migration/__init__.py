"""The verified migration: `afml-codemod migrate`, from `@cacheable` to done, or safely back.

Downhill, the rooms are `flow` (the whole story, step by step), `attempt` (apply, run, judge),
`repair` (which functions are to go back), `ordering`, `baseline`, `look`; `criteria`, `proof` and
`judge`, which hold values against each other and touch nothing; `clear`, `mlflow`, `health`,
`recorded` and `command`, which run and read; and `state`, the file that tells how far it has come.
`told` is what came of it as a value; `shown`, `document` and `page` tell it.

Nothing here imports the cache: it runs as commands of the interpreter that the user's tests run
in, and is believed by what these have written down.
"""
