"""MLflow runs of what is computed: written down first, sent then, never twice.

``place`` says where runs go; ``recorder`` is told of every computed call and every hit. What a run
says is taken together by ``said`` (metrics and parts of a result), ``inputs`` (parameters and
data), ``model_files`` and ``artefacts``, and written into the ``outbox``, a queue that outlives the
process. ``send`` tells MLflow one record, ``deliver`` what waits in the queue, and ``sender`` has
that done beside the user's calls, in bounded time. ``runs`` finds runs again; ``experiment_run``
records a block of code, ``study`` a sweep; ``archive`` and ``old_runs`` are for the commands.
``client`` is the way to mlflow itself, which is imported when something is to be sent or asked.
"""
