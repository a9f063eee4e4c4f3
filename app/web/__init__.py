"""The web process: API, agents' console, customers' pages. Reads stores, asks core to change."""
