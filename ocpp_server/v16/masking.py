"""Secrets in frames of 1.6 are masked as everywhere: see `ocpp_server.masking`."""

from ocpp_server.masking import mask_secrets

__all__ = ["mask_secrets"]
