"""Addresses of peers: as text, and which of them count as one. Pure."""

from __future__ import annotations

import ipaddress


def written(peer: object) -> str:
    """Return the address of a peer as sockets name it, as HOST:PORT or [HOST]:PORT; "" where
    it has none.
    """
    if not isinstance(peer, tuple):
        return ""
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(address: str) -> str:
    """Return whose failures count together: an IPv4 address, or the /64 of an IPv6 one.

    `address` is HOST:PORT or [HOST]:PORT. Whoever has an IPv6 address has a whole /64 of them.
    """
    host = address.rpartition(":")[0].strip("[]") or address
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(ip, ipaddress.IPv4Address):
        return host
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))
