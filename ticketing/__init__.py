"""Ticketing: one ticket per cause, its promises, and the words we write to people."""
