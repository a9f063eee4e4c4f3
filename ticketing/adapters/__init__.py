"""Adapters: the outside world behind ticketing's ports."""
