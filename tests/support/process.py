# SPDX-License-Identifier: Apache-2.0
"""A server as a child process: started on ports nobody else has, waited for, stopped, its output kept in a file."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests

BUILD_SERVERS = Path(__file__).parent / "servers" / "build"

_ports_given = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on and that this session has not given away before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _ports_given:
            _ports_given.add(port)
            return port


def port_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def http_ok(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def wait_until(condition, timeout: float = 30, what: str = "", every: float = 0.05):
    """Calls `condition` until it returns something true, and returns that; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        time.sleep(every)


def server_binary(name: str) -> str:
    """The path of a real server, built first when it is not in the cache (ten minutes for all of them)."""
    built = subprocess.run([BUILD_SERVERS, name], stdout=subprocess.PIPE, text=True, check=False)
    assert built.returncode == 0, f"{name} could not be built: see above, and run ./dev install-deps"
    return built.stdout.strip()


class Process:
    """One run of a program. `ready` is asked until it says yes; a program that ends before that is an error."""

    def __init__(self, name: str, argv: list, log: Path, env: dict | None = None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log = log
        self.env = {key: str(value) for key, value in (env or {}).items()}
        self.child: subprocess.Popen | None = None

    def start(self, ready=None, timeout: float = 30):
        """Starts the program (again) and returns once `ready()` is true. Output is appended to the log."""
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                start_new_session=True,
            )
        if ready is not None:
            self._wait_ready(ready, timeout)
        return self

    def _wait_ready(self, ready, timeout: float):
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self.child.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self.name} was not ready in {timeout} s:\n{self.tail()}")
            time.sleep(0.02)

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    @property
    def pid(self) -> int:
        return self.child.pid

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.output().splitlines()[-lines:])

    def signal(self, number: int):
        self.child.send_signal(number)

    def wait(self, timeout: float = 30) -> int:
        """The exit code (negative: the signal that ended it)."""
        return self.child.wait(timeout)

    def stop(self, timeout: float = 30) -> int:
        """SIGTERM, then the exit code. A program that does not end in time is killed, and that is an error."""
        if self.running:
            self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s of SIGTERM:\n{self.tail()}") from None

    def kill(self):
        """SIGKILL; fine if it has ended."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def pause(self):
        """SIGSTOP: connections stay open and nothing answers."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def rss_kib(self) -> int:
        """Resident memory now."""
        return self._status("VmRSS")

    def rss_peak_kib(self) -> int:
        """The most it ever was."""
        return self._status("VmHWM")

    def _status(self, key: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise AssertionError(f"{self.name} has ended")
