"""Websocket frames as a station sends and reads them (RFC 6455 §5.2)."""

from __future__ import annotations


def client_frame(first: int, payload: bytes) -> bytes:
    """Build a frame as stations send it; the mask is zero, which RFC 6455 does not forbid."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + b"\0\0\0\0" + payload
    return bytes((first, 0xFE)) + size.to_bytes(2, "big") + b"\0\0\0\0" + payload


def frames_in(data: bytes) -> list[tuple[int, bytes]]:
    """Return opcode and payload of each frame in what the service wrote."""
    found = []
    at = 0
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size == 126:
            size, start = int.from_bytes(data[start : start + 2], "big"), start + 2
        elif size == 127:
            size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        found.append((data[at] & 15, data[start : start + size]))
        at = start + size
    return found
