"""Benchmarks: what a message, an idle station and a replayed line cost. Never timed tests.

Method, traps and the last table seen: docs/explanation/performance.md.
"""
