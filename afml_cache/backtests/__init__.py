"""Backtests: runs that are never made twice, and records of each that no clearing touches.

A cached backtest is a cached function like any other; beside its sealed entry, which is cache,
lie its run (parameters, data window, metrics, trades, equity curve) and its trial, which are
records.
"""
