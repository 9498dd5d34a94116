"""Backtests: their runs, and the splits, statistics and plots that a study of them needs."""
