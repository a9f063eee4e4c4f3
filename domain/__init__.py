"""The words everything shares: places, events, faults, the registry, beliefs, tickets.

Nothing in here does I/O, reads a clock or knows a protocol.
"""
