"""Studies: many runs of one backtest, over processes and machines; only what is new is computed.

The caller's process looks up what is there, and keeps the books. A worker that sees the caller's
store computes through the cached function as anybody would; one that does not hands its result
back, and the caller stores it under the same key.
"""
