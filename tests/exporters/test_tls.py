"""The OTLP exporter over TLS: whom it trusts, and what it says of a server that it does not."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from opentelemetry.sdk.trace.export import SpanExportResult

from tests.exporters.receiver import receiving

pytestmark = pytest.mark.usefixtures("over_each_client")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine that vouches for itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    forms = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*forms))
    return public, private


@pytest.fixture
def receiver(certificate):
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(*certificate)
    with receiving(trust) as receiver:
        yield receiver


def test_a_server_is_trusted_whose_certificate_the_standard_variable_names(receiver, exporters, spans, certificate):
    (exporter,) = exporters(receiver.url, OTEL_EXPORTER_OTLP_CERTIFICATE=str(certificate[0]))
    assert exporter.export(spans({})) is SpanExportResult.SUCCESS
    assert receiver.names == ["span-0"]


@pytest.mark.allows_log("lost on the way")
def test_a_server_that_is_not_trusted_gets_nothing_and_the_log_says_why(receiver, exporters, spans, logs):
    (exporter,) = exporters({"kind": receiver.url, "headers": {"x-team": "sesame"}})
    assert exporter.export(spans({})) is SpanExportResult.FAILURE
    assert receiver.requests == []
    assert exporter.tally.dropped == {"certificate not trusted": 1}
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in logs[0].getMessage()
