"""Envelopes of Amazon SNS, signed with certificates of our own that look like SNS's."""

import datetime as dt
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import orjson
import pytest
from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.regions import EndpointResolver  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from pipeline.errors import DeadReason, InvalidMessage, SettingsError
from providers.sns import (
    SUFFIXES,
    Certificate,
    Certificates,
    canonical,
    read_certificate,
    read_envelope,
    read_topic,
    subscribe_url,
    verify,
)
from tests.providers.contract import NOW

ARN: Final = "arn:aws:sns:eu-west-1:123456789012:sms-events"
TOPIC: Final = read_topic(ARN)
HOST: Final = "https://sns.eu-west-1.amazonaws.com"
ALGORITHMS: Final[Mapping[str, hashes.HashAlgorithm]] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS's
Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class Signatory:
    """What stands for SNS: a key, and the certificate for it at its address."""

    key: rsa.RSAPrivateKey
    pem: bytes
    url: str
    version: str

    def certificate(self) -> Certificate:
        return read_certificate(self.pem, TOPIC)

    def envelope(self, **fields: object) -> Fields:
        """Give a signed notification; a field that is None is left out."""
        envelope: Fields = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": ARN,
            "Message": "Hello world!",
            "Timestamp": timestamp(NOW),
            "SignatureVersion": self.version,
            "SigningCertURL": self.url,
            "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe&SubscriptionArn={ARN}:c9135db0",
        }
        return self.signed({name: value for name, value in (envelope | fields).items() if value is not None})

    def signed(self, envelope: Fields) -> Fields:
        names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{envelope[name]}\n" for name in sorted(names) if name in envelope)
        signature = self.key.sign(text.encode(), PKCS1v15(), ALGORITHMS[self.version])
        return {"Signature": b64encode(signature).decode(), **envelope}


@cache
def a_key(which: int = 0) -> rsa.RSAPrivateKey:
    del which
    return rsa.generate_private_key(65537, 2048)


def a_pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    common: str = "sns.amazonaws.com",
    names: Sequence[str] = ("sns.amazonaws.com",),
    days: tuple[int, int] = (-10, 10),
) -> bytes:
    """Give a certificate that is good from and until so many days after NOW."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
    start, end = (dt.datetime.fromtimestamp(NOW + day * 86_400, dt.UTC) for day in days)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def a_signatory(which: int = 0, *, version: str = "2", days: tuple[int, int] = (-10, 10)) -> Signatory:
    key = a_key(which)
    return Signatory(key, a_pem(key, days=days), f"{HOST}/SimpleNotificationService-{which:032x}.pem", version)


def timestamp(seconds: float) -> str:
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def a_subscription(signatory: Signatory, **fields: object) -> Fields:
    url = f"{HOST}/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37f"
    return signatory.envelope(
        **({"Type": "SubscriptionConfirmation", "Token": "2336412f37f", "SubscribeURL": url} | fields)
    )


def take(envelope: Fields, certificate: Certificate | None, *, received_at: float = NOW) -> None:
    verify(read_envelope(orjson.dumps(envelope), TOPIC), certificate, received_at)


def refused(envelope: Fields, certificate: Certificate | None, *, received_at: float = NOW) -> str:
    with pytest.raises(InvalidMessage) as raised:
        take(envelope, certificate, received_at=received_at)
    assert raised.value.reason is DeadReason.SEAL_BROKEN
    return raised.value.detail


def test_the_signed_text_is_as_documented() -> None:
    envelope = {"Message": "My Test Message", "MessageId": "4d4d", "Subject": "My subject", "Timestamp": "2010-09-07"}
    envelope |= {"TopicArn": "arn:aws:sns:x", "Type": "Notification", "SigningCertURL": "not signed"}

    assert canonical(envelope) == (
        b"Message\nMy Test Message\nMessageId\n4d4d\nSubject\nMy subject\nTimestamp\n2010-09-07\n"
        b"TopicArn\narn:aws:sns:x\nType\nNotification\n"
    )


def test_the_signed_text_of_a_confirmation_has_its_token_and_no_subject() -> None:
    envelope = {"Message": "You", "MessageId": "1", "SubscribeURL": "https://x", "Timestamp": "t", "Token": "2"}
    envelope |= {"TopicArn": "a", "Type": "SubscriptionConfirmation", "Subject": "not signed"}

    assert canonical(envelope) == (
        b"Message\nYou\nMessageId\n1\nSubscribeURL\nhttps://x\nTimestamp\nt\nToken\n2\nTopicArn\na\n"
        b"Type\nSubscriptionConfirmation\n"
    )


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "fields", [{}, {"Subject": "of many"}, {"Message": 'a\nb "c" \u20ac\U0001f600\\n'}, {"Message": ""}]
)
def test_a_genuine_envelope_is_proved(version: str, fields: Fields) -> None:
    signatory = a_signatory(version=version)

    take(signatory.envelope(**fields), signatory.certificate())


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_genuine_confirmation_is_proved(kind: str) -> None:
    signatory = a_signatory()

    take(a_subscription(signatory, Type=kind), signatory.certificate())


def test_a_subject_that_is_no_text_is_none() -> None:
    signatory = a_signatory()

    for value in (None, 7, ["x"]):
        take(signatory.envelope() | {"Subject": value}, signatory.certificate())


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "TopicArn", "Type", "Subject"])
def test_each_signed_field_is_covered(name: str) -> None:
    signatory = a_signatory()
    envelope = signatory.envelope(Subject="of many")

    refused(envelope | {name: f"{envelope[name]}x"}, signatory.certificate())


@pytest.mark.parametrize("name", ["SubscribeURL", "Token"])
def test_each_signed_field_of_a_confirmation_is_covered(name: str) -> None:
    signatory = a_signatory()
    envelope = a_subscription(signatory)

    assert "Signature" in refused(envelope | {name: f"{envelope[name]}x"}, signatory.certificate())


def test_a_notification_cannot_be_made_a_confirmation() -> None:
    signatory = a_signatory()
    turned = signatory.envelope() | {"Type": "SubscriptionConfirmation", "Token": "x", "SubscribeURL": f"{HOST}/?a"}

    assert "Signature" in refused(turned, signatory.certificate())


def test_a_subject_can_neither_be_added_nor_taken() -> None:
    signatory = a_signatory()
    without = signatory.envelope(Subject="of many")
    del without["Subject"]

    assert "Signature" in refused(without, signatory.certificate())
    assert "Signature" in refused(signatory.envelope() | {"Subject": "added"}, signatory.certificate())


@pytest.mark.parametrize(
    "name",
    ["Type", "Message", "MessageId", "Timestamp", "TopicArn", "Signature", "SignatureVersion", "SigningCertURL"],
)
@pytest.mark.parametrize("value", [None, 7, True, [], {}, ["x"]])
def test_a_field_that_is_missing_or_no_string_is_refused(name: str, value: object) -> None:
    signatory = a_signatory()

    assert name in refused(signatory.envelope() | {name: value}, signatory.certificate())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"<html>", b'{"Type":"Notification"}', b'{"eventType":"TEXT_SENT"}']
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        read_envelope(body, TOPIC)


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udfff\\ud800"'])
def test_half_a_character_is_refused(text: str) -> None:
    body = orjson.dumps(a_signatory().envelope()).replace(b'"Hello world!"', text.encode())

    with pytest.raises(InvalidMessage):
        read_envelope(body, TOPIC)


@pytest.mark.parametrize("signature", ["", "AAAA", "!", "\u00fc" * 40, "=", "A" * 344, "0" * 5000])
def test_a_signature_of_nobody_is_refused(signature: str) -> None:
    signatory = a_signatory()

    assert "Signature" in refused(signatory.envelope() | {"Signature": signature}, signatory.certificate())


@pytest.mark.parametrize(
    ("signed", "said"), [("1", "2"), ("2", "1"), ("2", "3"), ("1", ""), ("2", "SHA256"), ("2", "02")]
)
def test_the_version_of_the_signature_must_be_its_own(signed: str, said: str) -> None:
    signatory = a_signatory(version=signed)

    assert "Signature" in refused(signatory.envelope() | {"SignatureVersion": said}, signatory.certificate())


def test_a_certificate_that_signed_something_else_proves_nothing() -> None:
    assert "Signature" in refused(a_signatory(0).envelope(), a_signatory(1).certificate())


def test_without_a_certificate_nothing_is_proved() -> None:
    assert "SigningCertURL" in refused(a_signatory().envelope(), None)


@pytest.mark.parametrize(("days", "good"), [((-10, 10), True), ((-10, -1), False), ((1, 10), False)])
def test_a_certificate_is_good_between_its_dates(*, days: tuple[int, int], good: bool) -> None:
    signatory = a_signatory(days=days)
    if good:
        take(signatory.envelope(), signatory.certificate())
    else:
        assert "good now" in refused(signatory.envelope(), signatory.certificate())


@pytest.mark.parametrize("age_s", [0, 1, 3_600, 3_900, -300])
def test_sns_may_repeat_for_an_hour(age_s: int) -> None:
    signatory = a_signatory()

    take(signatory.envelope(Timestamp=timestamp(NOW - age_s)), signatory.certificate())


@pytest.mark.parametrize("age_s", [3_901, 86_400, -301, -86_400])
def test_an_old_or_early_envelope_is_refused(age_s: int) -> None:
    signatory = a_signatory()

    assert "Timestamp" in refused(signatory.envelope(Timestamp=timestamp(NOW - age_s)), signatory.certificate())


@pytest.mark.parametrize(
    "text", ["", "now", "1730000000", "2024-10-27T03:33:20.000", "2024-10-27", "0001-01-01T00:00:00+23:59"]
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    signatory = a_signatory()

    assert "Timestamp" in refused(signatory.envelope(Timestamp=text), signatory.certificate())


@pytest.mark.parametrize("arn", [ARN + "x", ARN.upper(), "arn:aws:sns:us-east-1:123456789012:sms-events", ""])
def test_an_envelope_of_another_topic_is_refused_although_sns_signed_it(arn: str) -> None:
    signatory = a_signatory()

    assert "TopicArn" in refused(signatory.envelope(TopicArn=arn), signatory.certificate())


FOREIGN = [
    "",
    "/a.pem",
    "http://sns.eu-west-1.amazonaws.com/a.pem",
    "HTTPS://sns.eu-west-1.amazonaws.com/a.pem",
    "//sns.eu-west-1.amazonaws.com/a.pem",
    "ftp://sns.eu-west-1.amazonaws.com/a.pem",
    "https://sns.us-east-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com.cn/a.pem",
    "https://sns.eu-west-1.amazonaws.com.evil.test/a.pem",
    "https://sns.eu-west-1.amazonaws.comevil.test/a.pem",
    "https://evil.test/sns.eu-west-1.amazonaws.com/a.pem",
    "https://evil.test/a.pem#sns.eu-west-1.amazonaws.com/a.pem",
    "https://evil-sns.eu-west-1.amazonaws.com/a.pem",
    "https://sns-eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com@evil.test/a.pem",
    "https://sns.eu-west-1.amazonaws.com:443@evil.test/a.pem",
    "https://user@sns.eu-west-1.amazonaws.com/a.pem",
    "https://user:password@sns.eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com\\@evil.test/a.pem",
    "https://sns.eu-west-1.amazonaws.com%2eevil.test/a.pem",
    "https://sns.eu-west-1.amazonaws.com./a.pem",
    "https://sns.eu-west-1.amazonaws.com:80/a.pem",
    "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
    "https://sns.eu-west-1.amazonaws.com:/a.pem",
    "https://sns.eu-west-1.amazonaws.com:0443/a.pem",
    "https://sns.eu-west-1.amazonaws.com:443",
    "https://sns.eu-west-1.amazonaws.com/a.crt",
    "https://sns.eu-west-1.amazonaws.com/a.pem?x",
    "https://sns.eu-west-1.amazonaws.com/a.pem#x",
    "https://sns.eu-west-1.amazonaws.com/?a.pem",
    "https://sns.eu-west-1.amazonaws.com/a.pem/../b",
    "https://sns.eu-west-1.amazonaws.com/../a.pem",
    "https://sns.eu-west-1.amazonaws.com/a.pem\n",
    "https://sns.eu-west-1.amazonaws.com/a\r\nHost: evil.test\r\n.pem",
    "https://sns.eu-west-1.amazonaws.com/a b.pem",
    " https://sns.eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com\t/a.pem",
    "https://s\u0146s.eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com/\u0430.pem",
    "https://127.0.0.1/a.pem",
    "https://[::1]/a.pem",
    "https://169.254.169.254/latest/meta-data/a.pem",
    "https://sns-public.s3.amazonaws.com/a.pem",
    "file:///etc/passwd.pem",
]


@pytest.mark.parametrize("url", FOREIGN)
def test_a_certificate_from_elsewhere_is_refused_before_it_is_fetched(url: str) -> None:
    body = orjson.dumps(a_signatory().envelope() | {"SigningCertURL": url})

    with pytest.raises(InvalidMessage, match="SigningCertURL"):
        read_envelope(body, TOPIC)


@pytest.mark.parametrize("port", ["", ":443"])
def test_a_certificate_of_sns_is_taken_with_and_without_its_port(port: str) -> None:
    url = f"{HOST}{port}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"

    assert read_envelope(orjson.dumps(a_signatory().envelope(SigningCertURL=url)), TOPIC)["SigningCertURL"] == url


@pytest.mark.parametrize("url", [one.replace("/a.pem", "/?Action=ConfirmSubscription&Token=2") for one in FOREIGN[:27]])
def test_a_subscription_is_confirmed_nowhere_but_at_sns(url: str) -> None:
    envelope = read_envelope(orjson.dumps(a_subscription(a_signatory(), SubscribeURL=url)), TOPIC)

    with pytest.raises(InvalidMessage, match="SubscribeURL"):
        subscribe_url(envelope, TOPIC)


def test_a_subscription_is_confirmed_at_sns() -> None:
    envelope = read_envelope(orjson.dumps(a_subscription(a_signatory())), TOPIC)

    assert subscribe_url(envelope, TOPIC) == f"{HOST}/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37f"


# Names as AWS's SDK for Java expects them, by region; the one of af-south-1 was seen with the host beside it.
@pytest.mark.parametrize(
    ("region", "partition", "name"),
    [
        ("eu-west-1", "aws", "sns.amazonaws.com"),
        ("af-south-1", "aws", "sns-signing.af-south-1.amazonaws.com"),
        ("af-south-1", "aws", "sns.af-south-1.amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "sns-us-gov-west-1.amazonaws.com"),
        ("us-gov-east-1", "aws-us-gov", "sns-us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "sns-cn-north-1.amazonaws.com.cn"),
        ("cn-northwest-1", "aws-cn", "sns-cn-northwest-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "aws-eusc", "sns-signing.eusc-de-east-1.amazonaws.eu"),
    ],
)
@pytest.mark.parametrize("alternative", [True, False])
def test_a_certificate_names_sns(*, region: str, partition: str, name: str, alternative: bool) -> None:
    topic = read_topic(f"arn:{partition}:sns:{region}:123456789012:t")
    pem = a_pem(a_key(), common="x" if alternative else name, names=["x.test", name] if alternative else [])

    assert read_certificate(pem, topic).key == a_key().public_key()


@pytest.mark.parametrize(
    "name",
    ["evil.test", "amazonaws.com", "*.amazonaws.com", "sns.us-east-1.amazonaws.com", "sns.amazonaws.com.evil.test"],
)
def test_a_certificate_of_another_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidMessage, match="certificate of SNS"):
        read_certificate(a_pem(a_key(), common=name, names=[name]), TOPIC)


def test_a_certificate_with_another_kind_of_key_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="certificate of SNS"):
        read_certificate(a_pem(ec.generate_private_key(ec.SECP256R1())), TOPIC)


@pytest.mark.parametrize("pem", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(InvalidMessage, match="no certificate"):
        read_certificate(pem, TOPIC)


def test_half_a_certificate_is_refused() -> None:
    pem = a_pem(a_key())
    for length in range(0, len(pem) - 27, 11):
        with pytest.raises(InvalidMessage):
            read_certificate(pem[:length], TOPIC)


def test_of_many_certificates_the_newest_are_kept() -> None:
    certificates, one = Certificates(), a_signatory().certificate()
    for place in range(100):
        certificates.keep(f"{place}", one)

    assert [place for place in range(100) if certificates.get(f"{place}")] == list(range(92, 100))


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "sms-events",
        "arn:aws:sqs:eu-west-1:123456789012:sms-events",
        "arn:aws:sns::123456789012:sms-events",
        "arn:aws:sns:eu-west-1:12345:sms-events",
        "arn:aws:sns:eu-west-1:123456789012:",
        "arn:aws:sns:evil.test/:123456789012:sms-events",
        "arn:aws-iso:sns:us-iso-east-1:123456789012:sms-events",
        "arn:aws:sns:eu-west-1:123456789012:sms-events:c9135db0-26c4-47ec-8998-413945fb5a96",
        ARN + ".fifo",
        ARN + "\n",
    ],
)
def test_a_topic_that_is_none_is_a_wrong_setting(arn: str) -> None:
    with pytest.raises(SettingsError, match="topic_arn"):
        read_topic(arn)


def test_the_host_of_every_region_is_the_one_that_botocore_knows() -> None:
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    regions = [(name, region) for name in SUFFIXES for region in resolver.get_available_endpoints("sns", name)]

    assert len(regions) > 30
    for partition, region in regions:
        host = resolver.construct_endpoint("sns", region, partition)["hostname"]
        assert read_topic(f"arn:{partition}:sns:{region}:123456789012:t").origin == f"https://{host}"
