"""The web process: API, console and customers' pages. Reads stores, asks core to change."""
