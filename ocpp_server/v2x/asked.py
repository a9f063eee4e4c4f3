"""Questions of a 2.1 station whose answers repeat what was asked. Pure."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from domain.events import AnyEvent
from ocpp_server.moments import write_moment
from ocpp_server.scene import Scene, text_in
from ocpp_server.v2x.shapes import (
    CertificateStatusQuestion,
    GetCertificateChainStatus,
    VatNumberValidation,
)

# By the schemas of the answers.
_VAT_NUMBER_LIMIT = 20  # characters
_CHAIN_LIMIT = 4  # certificates
_NAME_LIMIT = 128  # characters of a hash
_SERIAL_LIMIT = 40  # characters


def vat_number_asked(message: VatNumberValidation, scene: Scene) -> tuple[AnyEvent, ...]:
    """Answer with the number asked for: we cannot say that it is valid. No event."""
    number = text_in(message.vat_number)[:_VAT_NUMBER_LIMIT]
    scene.told = msgspec.json.encode({"vatNumber": number, "status": "Rejected"})
    return ()


def chain_status_asked(
    message: GetCertificateChainStatus, scene: Scene
) -> tuple[AnyEvent, ...]:
    """Answer for each certificate that its status could not be had. No event.

    Where no question can be read there is nothing to answer: the call is then refused.
    """
    asked = message.certificate_status_requests
    questions = () if asked is UNSET else asked
    failed = [
        {
            "certificateHashData": {
                "hashAlgorithm": question.certificate_hash_data.hash_algorithm,
                "issuerNameHash": question.certificate_hash_data.issuer_name_hash,
                "issuerKeyHash": question.certificate_hash_data.issuer_key_hash,
                "serialNumber": question.certificate_hash_data.serial_number,
            },
            "source": question.source,
            "status": "Failed",
            "nextUpdate": write_moment(scene.at),
        }
        for question in questions[:_CHAIN_LIMIT]
        if question.certificate_hash_data is not UNSET and _is_whole(question)
    ]
    if failed:
        scene.told = msgspec.json.encode({"certificateStatus": failed})
    return ()


def _is_whole(question: CertificateStatusQuestion) -> bool:
    """Tell whether an answer can repeat the question: its schema wants every part of it."""
    said = question.certificate_hash_data
    return (
        said is not UNSET
        and said.hash_algorithm in ("SHA256", "SHA384", "SHA512")
        and question.source in ("CRL", "OCSP")
        and all(
            text is not UNSET and len(text) <= limit
            for text, limit in (
                (said.issuer_name_hash, _NAME_LIMIT),
                (said.issuer_key_hash, _NAME_LIMIT),
                (said.serial_number, _SERIAL_LIMIT),
            )
        )
    )
