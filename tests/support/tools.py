# SPDX-License-Identifier: Apache-2.0
"""Programs that tests run to their end: telemetrygen, gosdk, jssdk and grpcurl (clients) and h2spec (a conformance test)."""

import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from support.process import server_binary

ROOT = Path(__file__).resolve().parents[2]


def telemetrygen(signal: str, port: int, *more, http=False, service="telemetrygen", timeout: float = 120) -> str:
    """Sends `signal` ("traces", "logs" or "metrics") to 127.0.0.1:`port` as fast as the client can; more arguments as
    telemetrygen takes them, e.g. "--traces", 100, "--child-spans", 4. An error that it reports is an AssertionError."""
    argv = [server_binary("telemetrygen"), signal, "--otlp-insecure", "--otlp-endpoint", f"127.0.0.1:{port}"]
    argv += ["--otlp-http"] if http else []
    argv += ["--service", service, "--rate", "0", *map(str, more)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    output = done.stdout + done.stderr
    # It ends with 0 even when exports fail.
    failed = [line for line in output.splitlines() if "export" in line and ("rror" in line or "ailed" in line)]
    assert done.returncode == 0 and not failed, f"telemetrygen ended with {done.returncode}:\n{output[-4000:]}"
    return output


def _tls_words(trust, ca: str, cert: str, key: str) -> list:
    words = [ca, trust.ca] if trust else []
    return words + ([cert, trust.identity.cert, key, trust.identity.key] if trust and trust.identity else [])


def gosdk(protocol: str, port: int, spans: int, trust=None, *more) -> str:
    """Sends spans with the SDK for Go to localhost:`port`; "" if it went well, else what the SDK says. `trust` as in
    support/certificates.py, None: clear text."""
    argv = [server_binary("gosdk"), "-protocol", protocol, "-endpoint", f"localhost:{port}", "-spans", spans, *more]
    argv += _tls_words(trust, "-ca", "-cert", "-key")
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) == (done.stderr == ""), done
    return done.stderr


def jssdk(endpoint: str, count: int, compression="none") -> str:
    """Sends `count` spans, log records and values of two metrics with the SDK for JavaScript; "" if it went well, else what
    the SDK says."""
    argv = ["node", Path(server_binary("jssdk")) / "main.js", endpoint, count, compression]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) == (done.stderr == ""), done
    return done.stderr


def grpcurl(port: int, method: str, proto: str, message: str, trust=None) -> subprocess.CompletedProcess:
    """One call with `message` as JSON to localhost:`port`; `proto` is the schema's path below the project's proto/."""
    argv = [server_binary("grpcurl"), "-connect-timeout", 2, "-max-time", 10, "-import-path", ROOT / "proto", "-proto", proto, "-d", message]
    argv += _tls_words(trust, "-cacert", "-cert", "-key") or ["-plaintext"]
    words = list(map(str, [*argv, f"localhost:{port}", method]))
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@dataclass(frozen=True)
class SpecCase:
    """One case of h2spec, e.g. section "http2/6.5.3", with what went wrong (None: passed) or `skipped`."""

    section: str
    title: str
    failure: str | None
    skipped: bool


def h2spec(port: int, directory: Path, *more, timeout: float = 300) -> list[SpecCase]:
    """Runs h2spec against a cleartext HTTP/2 port; `more` as h2spec takes it, e.g. "generic" or "http2/6.5"."""
    report = directory / "h2spec.xml"
    argv = [server_binary("h2spec"), "--host", "127.0.0.1", "--port", port, "--timeout", 2, "--junit-report", report]
    words = [str(word) for word in [*argv, *more]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)
    output = done.stdout + done.stderr
    assert report.exists(), f"h2spec ended with {done.returncode} and no report:\n{output[-4000:]}"
    return [_spec_case(case) for case in ElementTree.parse(report).iter("testcase")]


def _spec_case(case) -> SpecCase:
    wrong = case.find("failure")
    wrong = wrong if wrong is not None else case.find("error")
    failure = None if wrong is None else (wrong.text or wrong.get("message") or "failed").strip()
    return SpecCase(case.get("package"), case.get("classname"), failure, case.find("skipped") is not None)
