"""What detectors remember between events, as plain values: a snapshot holds all of it.

A module for each group of detectors; `rules.state.EngineState` has a field for each of them.
Whatever is kept per station or EVSE is bounded, and forgotten once it says nothing any more.
"""
