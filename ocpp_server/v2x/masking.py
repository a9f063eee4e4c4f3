"""Secrets in frames of 2.x are masked as everywhere: see `ocpp_server.masking`."""

from ocpp_server.masking import is_secret, mask_secrets

__all__ = ["is_secret", "mask_secrets"]
