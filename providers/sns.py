"""Envelopes of Amazon SNS: what proves one, without any I/O.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html

An envelope names the certificate that it is signed with, so all trust lies in the address of that certificate: SNS's
own host of the topic's region, whose TLS is verified when it is fetched. Beside that a certificate must carry one of
SNS's names and be within its dates, as AWS's own SDK for Java asks. Its chain is not followed to a root: SNS serves it
without the intermediate, which would have to be fetched from an address in that very certificate.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from pipeline.errors import SettingsError
from providers.answers import read_object
from providers.callbacks import forged, is_timely

Envelope: TypeAlias = Mapping[str, str]

NOTIFICATION: Final = "Notification"
SUBSCRIPTION: Final = "SubscriptionConfirmation"
_CONFIRMATION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")

# What is signed, in this order, by `Type`. `Subject` alone may be missing.
# https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_BESIDE: Final = ("Signature", "SignatureVersion", "SigningCertURL")

# `SignatureVersion`: a topic has 1 until it is told to use 2.
HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "1": hashes.SHA1(),  # noqa: S303 - what a topic has by default; a forgery takes more than a collision
    "2": hashes.SHA256(),
}

# https://docs.aws.amazon.com/general/latest/gr/rande.html
SUFFIXES: Final[Mapping[str, str]] = {
    "aws": "amazonaws.com",
    "aws-us-gov": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
}

# https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html: no policy repeats for more than 3,600 s.
REPEATS_S: Final = 3_600.0

MAX_CERTIFICATES: Final = 8
# Without the `.fifo` of topics that post to nobody.
_ARN: Final = re.compile(r"arn:(aws[a-z-]*):sns:([a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_CERTIFICATE: Final = re.compile(r"(:443)?/[A-Za-z0-9_.-]+\.pem")
_SUBSCRIBE: Final = re.compile(r"(:443)?/\?[A-Za-z0-9_.~:/=&%+-]+")
_UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Topic(Struct, frozen=True, kw_only=True):
    """One topic, and where the proof of its envelopes lies."""

    arn: str
    suffix: str  # of all hosts of its partition
    origin: str  # scheme and host of SNS in its region
    names: frozenset[str]  # a certificate of SNS carries one of these


class Certificate(Struct, frozen=True, kw_only=True):
    """A certificate of SNS that may be believed between its dates (seconds since 1970)."""

    key: RSAPublicKey
    not_before: float
    not_after: float


class Certificates:
    """The newest certificates, by address. They rotate rarely, and two of them overlap."""

    def __init__(self) -> None:
        self._by_url: dict[str, Certificate] = {}

    def get(self, url: str) -> Certificate | None:
        """Give the certificate that was fetched from there."""
        return self._by_url.get(url)

    def keep(self, url: str, certificate: Certificate) -> None:
        """Keep a certificate in place of the oldest one."""
        while len(self._by_url) >= MAX_CERTIFICATES:
            del self._by_url[next(iter(self._by_url))]
        self._by_url[url] = certificate


def read_topic(arn: str) -> Topic:
    """Read `arn:<partition>:sns:<region>:<account>:<name>`. Raises SettingsError."""
    match = _ARN.fullmatch(arn)
    if match is None or match[1] not in SUFFIXES:
        raise SettingsError("options.topic_arn: not an SNS topic; write arn:aws:sns:<region>:<account>:<name>")
    region, suffix = match[2], SUFFIXES[match[1]]
    # The names by region, from the message manager of AWS's SDK for Java; some certificates name the host.
    hosts = ("sns", f"sns.{region}", f"sns-signing.{region}", f"sns-{region}", "sns-us-gov-west-1")
    return Topic(
        arn=arn,
        suffix=suffix,
        origin=f"https://sns.{region}.{suffix}",
        names=frozenset(f"{host}.{suffix}" for host in hosts),
    )


def read_envelope(body: bytes, topic: Topic) -> Envelope:
    """Read an envelope that claims to be of this topic. Raises InvalidMessage. Nothing of it is proved yet."""
    document = read_object(body)
    kind = document.get("Type")
    names = SIGNED.get(kind) if isinstance(kind, str) else None
    if names is None:
        raise forged("`Type` is missing or not SNS's: raw delivery is not signed")
    wanted = (*names, *_BESIDE)
    envelope = {name: document[name] for name in wanted if isinstance(document.get(name), str)}
    for name in wanted:
        if name not in envelope and name != "Subject":
            raise forged(f"`{name}` is missing or not a string")
    if envelope["TopicArn"] != topic.arn:
        raise forged("`TopicArn` is of another topic")
    if not _is_at(topic, envelope["SigningCertURL"], _CERTIFICATE):
        raise forged("`SigningCertURL` is not SNS's in the region of the topic")
    return envelope


def read_certificate(pem: bytes, topic: Topic) -> Certificate:
    """Read what lies at `SigningCertURL`. Raises InvalidMessage where it is no certificate of SNS."""
    try:
        found = x509.load_pem_x509_certificate(pem)
        key, names = found.public_key(), _names(found)
    except _UNREADABLE:
        raise forged("`SigningCertURL` holds no certificate") from None
    if not isinstance(key, RSAPublicKey) or names.isdisjoint(topic.names):
        raise forged("`SigningCertURL` holds no certificate of SNS")
    return Certificate(
        key=key,
        not_before=found.not_valid_before_utc.timestamp(),
        not_after=found.not_valid_after_utc.timestamp(),
    )


def verify(envelope: Envelope, certificate: Certificate | None, received_at: float) -> None:
    """Prove an envelope: its signature first, then its time. Raises InvalidMessage."""
    if certificate is None or not certificate.not_before <= received_at <= certificate.not_after:
        raise forged("`SigningCertURL` holds no certificate of SNS that is good now")
    hashed = HASHES.get(envelope["SignatureVersion"])
    if hashed is None or not _is_signed(envelope, certificate.key, hashed):
        raise forged("`Signature` is not SNS's")
    if not is_timely(_seconds(envelope["Timestamp"]), received_at, REPEATS_S):
        raise forged("`Timestamp` is too old or too new")


def canonical(envelope: Envelope) -> bytes:
    """Give the bytes that SNS has signed."""
    names = SIGNED[envelope["Type"]]
    return "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope).encode()


def subscribe_url(envelope: Envelope, topic: Topic) -> str:
    """Give what to ask, once, so that the topic's envelopes come here. Raises InvalidMessage."""
    if not _is_at(topic, envelope["SubscribeURL"], _SUBSCRIBE):
        raise forged("`SubscribeURL` is not SNS's in the region of the topic")
    return envelope["SubscribeURL"]


def _is_at(topic: Topic, url: str, rest: re.Pattern[str]) -> bool:
    """Tell whether an address is one of SNS's, letter by letter: so no two readers of it can see different hosts."""
    return url.startswith(topic.origin) and rest.fullmatch(url, len(topic.origin)) is not None


def _names(certificate: x509.Certificate) -> set[str]:
    names = {str(name.value) for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)}
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return names
    return names | set(alternatives.value.get_values_for_type(x509.DNSName))


def _is_signed(envelope: Envelope, key: RSAPublicKey, hashed: hashes.HashAlgorithm) -> bool:
    try:
        key.verify(b64decode(envelope["Signature"], validate=True), canonical(envelope), PKCS1v15(), hashed)
    except (ValueError, InvalidSignature):
        return False
    return True


def _seconds(timestamp: str) -> float:
    """Give the time of an envelope, such as 2012-05-02T00:54:06.655Z, in seconds since 1970."""
    try:
        time = datetime.fromisoformat(timestamp)
    except ValueError:
        raise forged("`Timestamp` is not a time") from None
    if time.tzinfo is None:
        raise forged("`Timestamp` has no time zone")
    return time.timestamp()
