# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made with the `openssl` command: an authority, and what it signs."""

import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path

import grpc

LOCAL_NAMES = "DNS:localhost,IP:127.0.0.1"

_serials = itertools.count(1)


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"openssl {' '.join(map(str, words))}:\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key, as PEM files."""

    cert: Path
    key: Path

    def serial(self) -> str:
        return openssl("x509", "-in", self.cert, "-noout", "-serial").strip().removeprefix("serial=")

    def pem(self) -> tuple[bytes, bytes]:
        """(key, certificate), as grpc takes them."""
        return self.key.read_bytes(), self.cert.read_bytes()

    def replace(self, path_cert: Path, path_key: Path):
        """Takes the place of two files that a server uses, each at once, as a renewal does."""
        for source, path in ((self.cert, path_cert), (self.key, path_key)):
            beside = path.with_suffix(".new")
            beside.write_bytes(source.read_bytes())
            beside.chmod(0o600)
            beside.rename(path)


@dataclass(frozen=True)
class Trust:
    """What a client of TLS has: whose signature it trusts, and what it shows of itself."""

    ca: Path
    identity: Identity | None = None

    def grpc(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.ca.read_bytes(), *(self.identity.pem() if self.identity else ()))

    def use_in(self, session):
        """A requests.Session, which would otherwise prefer what REQUESTS_CA_BUNDLE names."""
        session.trust_env = False
        session.verify = str(self.ca)
        if self.identity:
            session.cert = (str(self.identity.cert), str(self.identity.key))


class Authority:
    """A certificate authority of its own in `folder`. `authority.cert` is what others have to trust."""

    def __init__(self, folder: Path, name: str = "test authority"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.cert, self.key = folder / "ca.crt", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj",
                f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self.key, "-out", self.cert)

    def issue(self, name: str, names: str = LOCAL_NAMES, days: int = 1) -> Identity:
        """A certificate for servers and clients; `days` below zero: it has expired already."""
        serial = next(_serials)
        stem = self.folder / f"{name}-{serial}"
        key, request, cert, extensions = (stem.with_suffix(end) for end in (".key", ".csr", ".crt", ".ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        key.chmod(0o600)
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-set_serial", serial + 4096,
                "-days", days, "-extfile", extensions, "-out", cert)
        return Identity(cert, key)
