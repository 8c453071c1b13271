"""Certificates for one test run: an authority, a server's for localhost, and a client's."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.server import binary

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1"


class Certificates:
    """Files below a directory, made by openssl."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.authority = directory / "ca.pem"
        self.server, self.server_key = directory / "server.pem", directory / "server.key"
        self.client, self.client_key = directory / "client.pem", directory / "client.key"
        if shutil.which("openssl") is None:
            pytest.skip("there is no openssl on the PATH")
        # The names of its settings are in any server; what it calls of OpenSSL is only in one that can use it.
        if b"SSL_CTX_new" not in Path(binary()).read_bytes():
            pytest.skip("the server was built without TLS")
        self._openssl(
            *("req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=test-authority"),
            *("-keyout", directory / "ca.key", "-out", self.authority, "-addext", "keyUsage=critical,keyCertSign"),
        )
        self._sign("server", _EXTENSIONS)
        self._sign("client", "extendedKeyUsage=clientAuth")

    def _sign(self, name: str, extensions: str) -> None:
        request, key, certificate = (self._directory / f"{name}.{kind}" for kind in ("csr", "key", "pem"))
        (self._directory / "extensions").write_text(extensions)
        self._openssl(
            *("req", *_KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", request),
        )
        self._openssl(
            *(
                "x509",
                "-req",
                "-in",
                request,
                "-days",
                "2",
                "-CA",
                self.authority,
                "-CAkey",
                self._directory / "ca.key",
            ),
            *("-CAcreateserial", "-extfile", self._directory / "extensions", "-out", certificate),
        )

    @staticmethod
    def _openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)
