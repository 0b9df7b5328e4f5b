"""What each thing that can go wrong on the way in means, and what to do about it."""

from collections.abc import Mapping
from typing import NamedTuple


class Told(NamedTuple):
    """In words what happened, and what to do."""

    what: str
    do: str


_AGAIN = "Senders are told to send again, and exporters do, so nothing is lost while they hold on"

_INVALID = Told("the body could not be read", "The answer to the sender says where; its log has it. To send it again "
                "does not help: mend what writes it.")  # fmt: skip
_TOO_LARGE = Told("larger than allowed", "Have the sender's batch processor send smaller batches, or raise "
                  "collector.max_body_bytes or max_records.")  # fmt: skip
_NO_KEY = Told("no valid API key", "Give the sender a key with scope ingest: watchkeeper key create.")
_NO_SCOPE = Told("the key may not do this", "Give the sender a key with scope ingest, of the project it sends to.")
_TOO_FAST = Told("faster than the key may send", f"Raise the rate of the key, or sample. {_AGAIN}.")
_NO_ROOM = Told("no room in memory or on disk", f"Look at the queue, the commit time and the free space. {_AGAIN}.")
_FAULT = Told("a fault of Watchkeeper", "Its log has the traceback; please report it. Senders do not send these again.")

REFUSED: Mapping[str, Told] = {
    "400": _INVALID, "INVALID_ARGUMENT": _INVALID, "401": _NO_KEY, "UNAUTHENTICATED": _NO_KEY, "403": _NO_SCOPE,
    "PERMISSION_DENIED": _NO_SCOPE, "413": _TOO_LARGE, "429": _TOO_FAST, "503": _NO_ROOM, "UNAVAILABLE": _NO_ROOM,
    "500": _FAULT, "INTERNAL": _FAULT,
    "404": Told("what it speaks of is not there", "A score needs a stored call, trace or session; send that first."),
    "415": Told("another content type or encoding", "Set the exporter to protobuf or JSON, plain or gzip."),
    "RESOURCE_EXHAUSTED": Told("too large, or faster than the key may send", "Send smaller batches, or raise the rate "
                               "of the key; the sender's log says which."),
    "disconnected": Told("the sender hung up", "Its timeout ended before the answer: raise it, or look at the commit "
                         "time below."),
}  # fmt: skip
"""By HTTP status or gRPC code."""
URGENT = ("500", "503", "INTERNAL", "UNAVAILABLE")

_CUT = "What is longer is cut with a visible mark; raise collector.max_value_chars if you need the rest."
ADAPTED: Mapping[str, Told] = {
    "from_the_future": Told("times ahead of this server's clock", "Kept as sent. Set the sender's clock, or this "
                            "server's, by NTP."),
    "attribute_values": Told("attribute values cut", _CUT),
    "log_bodies": Told("bodies cut", _CUT),
    "names": Told("names cut", "Names have at most 4,096 characters: have the sender put what varies in attributes."),
    "texts": Told("names and resources cut", "Names have at most 4,096 characters, resources 64 KiB of JSON."),
    "attributes": Told("attributes dropped", "Of one record collector.max_attributes are kept; raise it if you need "
                       "the rest."),
    "events_and_links": Told("events and links dropped", "Of one span collector.max_attributes are kept; raise it if "
                             "you need the rest."),
    "values_not_finite": Told("values that are no numbers", "NaN and infinity are stored as unknown."),
    "no_recorded_value": Told("points without a value", "Their flag says that nothing was recorded; nothing to do."),
    "other_project": Told("named another project", "They are in the project of the key; mend the sender's resource."),
}  # fmt: skip

PROBLEMS: Mapping[str, str] = {
    "store": f"Free some space or mend the disk. {_AGAIN}.",
    "ingest": f"The reason stands in the log too. {_AGAIN}.",
    "spool": f"What waits is kept. {_AGAIN}.",
    "servers": "Start Watchkeeper again; its log says why the server ended.",
    "evaluation": "Telemetry is still taken. Start Watchkeeper again; the evaluators go on where they stopped.",
}
"""By the name of the check of /readyz."""

KINDS: Mapping[str, str] = {
    "api_key": "API key", "email": "e-mail address", "iban": "IBAN", "card": "payment card", "us_ssn": "US SSN",
    "uk_nino": "UK NINO", "uk_nhs": "UK NHS number", "de_steuer_id": "DE Steuer-ID", "fr_nir": "FR NIR",
    "es_dni": "ES DNI and NIE", "it_codice_fiscale": "IT codice fiscale", "nl_bsn": "NL BSN", "pl_pesel": "PL PESEL",
    "in_aadhaar": "IN Aadhaar", "br_cpf": "BR CPF", "ca_sin": "CA SIN", "ip": "IP address", "phone": "phone number",
    "content": "texts dropped whole",
}  # fmt: skip
"""Kinds of redaction whose names do not say it themselves."""

SIGNALS: Mapping[str, str] = {"traces": "Spans", "logs": "Log records", "metrics": "Data points"}
TRANSPORTS: Mapping[str, str] = {"http": "OTLP/HTTP", "grpc": "OTLP/gRPC", "rest": "REST"}


def kind(name: str) -> str:
    return KINDS.get(name, name.replace("_", " "))


def refused(reason: str) -> Told:
    return REFUSED.get(reason, Told(f"answered {reason}", "The sender's log has the answer."))


def rejected(reason: str) -> Told:
    """The reason is a sentence of its own."""
    if "ahead of this server" in reason:
        return Told(reason, "Set the sender's clock by NTP, or allow more with collector.max_future_s.")
    if "the time is" in reason:
        return Told(reason, "Mend the sender: it tells no time, or its clock was never set.")
    return Told(reason, "The answer told the sender which, as a partial success; the log of its exporter has it.")


def adapted(what: str) -> Told:
    return ADAPTED.get(what, Told(what.replace("_", " "), "Kept, but otherwise than sent; see docs/otlp.md."))
