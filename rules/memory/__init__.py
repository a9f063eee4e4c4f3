"""What detectors remember between events, as plain values: a snapshot holds all of it.

A module for each group of detectors; `rules.state.EngineState` has a field for each of them.
Whatever is kept per station or EVSE is bounded, and forgotten once it says nothing any more.
What there is most of is left alone by the garbage collector (`gc=False`): values only, never
part of a cycle, and sixteen bytes less each.
"""
