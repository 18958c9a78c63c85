# SPDX-License-Identifier: Apache-2.0
"""A real Elasticsearch or OpenSearch of one node, and what tests ask it: requests, documents, templates, data streams."""

import json
import os
import shutil
import signal
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest
import requests

from support.process import Process, free_port, server_binary, wait_until

_ANSWER_S = 60
_PAGE = 2000  # documents in one answer to a search
_USER, _PASSWORD = "weir-tests", "weir-tests-secret"
_PASSWORD_HASH = "$2a$10$49iDw2FP2VmymlZ/394QmOC2VOqQZwnDatxC9EGV7Jb7tuMFsLVsO"  # as elasticsearch-users makes it

# What goes wrong is said on the output. The two servers are set up alike.
LOG_CONFIG = """
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""

# A nearly full disk of the machine that runs the tests is no reason to refuse documents.
BASE_SETTINGS = {
    "cluster.name": "weir-tests",
    "node.name": "node-1",
    "discovery.type": "single-node",
    "network.host": "127.0.0.1",
    "cluster.routing.allocation.disk.threshold_enabled": False,
}


class SearchServer(Process):
    """A node in `directory`, which keeps its data and its port over stop(), kill() and start(). `settings` are the server's
    own and win over BASE_SETTINGS; `quick` has its code compiled quickly rather than well, which is what everything but a
    measurement wants."""

    product = config_variable = tmp_variable = ""  # of its program, and of what tells it where its folders are

    def __init__(self, directory: Path, settings: dict | None = None, heap: str = "512m", quick: bool = True):
        self.directory, self.data, self.port = directory, directory / "data", free_port()
        self.home = Path(server_binary(self.product))
        self.settings = {
            **BASE_SETTINGS,
            "http.port": self.port,
            "transport.port": free_port(),
            "path.data": self.data,
            "path.logs": directory / "logs",
            **self._own_settings(),
            **(settings or {}),
        }
        self._java_options = [f"-Xms{heap}", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:-AlwaysPreTouch",
                              f"-Djava.io.tmpdir={directory / 'tmp'}", *self._own_java_options()]
        self._java_options += ["-XX:TieredStopAtLevel=1"] if quick else []
        self._session = requests.Session()
        self._session.auth = self._login()
        directory.mkdir(exist_ok=True)
        super().__init__(self.product, [*_not_as_root(), self.home / "bin" / self.product],
                         directory / f"{self.product}.log", self._environment())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _environment(self) -> dict:
        return {self.config_variable: self.directory / "config", self.tmp_variable: self.directory / "tmp"}

    def _own_java_options(self) -> list:
        return []

    def _own_settings(self) -> dict:
        return {}

    def _login(self):
        return None

    ## The process. The server may be the child of its launcher: signals go to all of them.

    def start(self, ready=None, timeout: float = 120):
        """Starts it, or starts it again with what it has on disk."""
        for name in ("config", "data", "logs", "tmp"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self._write_config(self.directory / "config")
        return super().start(ready or self._is_ready, timeout)

    def restart(self):
        self.stop()
        self.start()

    def signal(self, number: int):
        os.killpg(self.child.pid, number)

    def kill(self):
        """SIGKILL; fine if it has ended."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.child.wait()
            wait_until(lambda: not self._pids(), what=f"the end of {self.name}")

    def stop(self, timeout: float = 60) -> int:
        """SIGTERM, then the exit code, which says little: a Java program that ends in good order at a signal returns 143."""
        code = super().stop(timeout)
        wait_until(lambda: not self._pids(), what=f"the end of {self.name}")
        return code

    def cpu_s(self) -> float:
        """What the server has used of processors so far."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _pids(self) -> list:
        """Those of the session that the launcher began and that have not ended."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[3]) == self.child.pid and fields[0] != "Z":
                    found.append(int(entry.name))
        return found

    def _write_config(self, config: Path):
        lines = [f"{name}: {json.dumps(value if isinstance(value, (bool, int, list)) else str(value))}\n"
                 for name, value in self.settings.items()]
        (config / f"{self.product}.yml").write_text("".join(lines))
        (config / "jvm.options").write_text("".join(f"{option}\n" for option in self._java_options))
        (config / "log4j2.properties").write_text(LOG_CONFIG)

    def _is_ready(self) -> bool:
        try:
            return self._send("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5).ok
        except requests.RequestException:
            time.sleep(0.2)
            return False

    ## Requests

    def _send(self, method: str, path: str, body=None, timeout: float = _ANSWER_S, headers=None) -> requests.Response:
        """`body`: a str or bytes as it is, anything else as JSON."""
        data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        data = data.encode() if isinstance(data, str) else data
        headers = {"Content-Type": "application/json", **(headers or {})}
        return self._session.request(method, self.url + path, data=data, headers=headers, timeout=timeout)

    def request(self, method: str, path: str, body=None, headers=None, expect=range(200, 300)):
        """The answer's JSON. A status that is not in `expect` fails the test with what the server said."""
        answer = self._send(method, path, body, headers=headers)
        assert answer.status_code in expect, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json() if answer.content else {}

    def status_of(self, method: str, path: str, body=None) -> int:
        return self._send(method, path, body).status_code

    def bulk(self, actions: list, refresh: bool = True) -> dict:
        """`actions` are lines of a bulk body, each a dict: an action, its document, the next action."""
        lines = "".join(json.dumps(line) + "\n" for line in actions)
        return self.request("POST", f"/_bulk?refresh={json.dumps(refresh)}", lines)

    def refresh(self, index: str = "*"):
        """What has been indexed is found from now on."""
        self.request("POST", f"/{index}/_refresh?expand_wildcards=all&ignore_unavailable=true")

    def count(self, index: str, query: dict | None = None) -> int:
        """Documents found by a search now; 0 where there is no such index."""
        body = {"query": query} if query else None
        return self.request("POST", f"/{index}/_count?ignore_unavailable=true", body)["count"]

    def wait_for_count(self, index: str, count: int, timeout: float = 60):
        """Until there are that many documents, and no more."""
        def counted():
            self.refresh()
            have = self.count(index)
            assert have <= count, f"{index} has {have} documents, {count} were expected"
            return have == count

        try:
            wait_until(counted, timeout, every=0.2)
        except AssertionError as late:
            raise AssertionError(f"{index} has {self.count(index)} documents instead of {count}") from late

    def search(self, index: str, body: dict | None = None) -> dict:
        return self.request("POST", f"/{index}/_search", body or {})

    def search_all(self, index: str, query: dict | None = None) -> list:
        """Every document, as {_index, _id, _source}, in the order in which each shard has them."""
        self.refresh()
        if not self.count(index, query):
            return []
        body = {"size": _PAGE, "query": query or {"match_all": {}}, "sort": ["_doc"]}
        page = self.request("POST", f"/{index}/_search?scroll=1m", body)
        hits = []
        while page["hits"]["hits"]:
            hits += page["hits"]["hits"]
            page = self.request("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        self.request("DELETE", "/_search/scroll", {"scroll_id": page["_scroll_id"]})
        return hits

    def documents(self, index: str, query: dict | None = None) -> list:
        return [hit["_source"] for hit in self.search_all(index, query)]

    ## Indices, templates, data streams

    def put_template(self, name: str, patterns, mappings: dict | None = None, settings: dict | None = None,
                     data_stream: bool = False, priority: int = 500, **more):
        """An index template for names like `patterns`; `data_stream` has them be data streams."""
        template = {"settings": {"number_of_replicas": 0, **(settings or {})}, "mappings": mappings or {}}
        body = {"index_patterns": patterns, "priority": priority, "template": template, **more}
        self.request("PUT", f"/_index_template/{name}", body | ({"data_stream": {}} if data_stream else {}))

    def data_streams(self, pattern: str = "*") -> dict:
        """Each name to what the server tells of it."""
        return {stream["name"]: stream for stream in self.request("GET", f"/_data_stream/{pattern}")["data_streams"]}

    def delete_data_streams(self, pattern: str = "*"):
        if self.data_streams(pattern):
            self.request("DELETE", f"/_data_stream/{pattern}")

    def indices(self, pattern: str = "*") -> list:
        """Names, of data streams those behind them."""
        rows = self.request("GET", f"/_cat/indices/{pattern}?format=json&h=index&expand_wildcards=all")
        return sorted(row["index"] for row in rows)

    def delete_indices(self, pattern: str):
        for name in self.indices(pattern):
            self.request("DELETE", f"/{name}")


class Elasticsearch(SearchServer):
    """Without `security` nobody has to say who they are; with it there is one user, `user` with `password`, and API keys."""

    product, config_variable, tmp_variable = "elasticsearch", "ES_PATH_CONF", "ES_TMPDIR"
    user, password = _USER, _PASSWORD

    def __init__(self, directory: Path, security: bool = False, **how):
        self.security = security
        super().__init__(directory, **how)

    def _environment(self) -> dict:
        """It would take Java from its own folder, where there is none."""
        java = shutil.which("java")
        assert java, "there is no java (./dev install-deps provides it)"
        return {**super()._environment(), "ES_JAVA_HOME": Path(java).resolve().parents[1]}

    def _own_settings(self) -> dict:
        return {"xpack.security.enabled": self.security}

    def _login(self):
        return (self.user, self.password) if self.security else None

    def _write_config(self, config: Path):
        super()._write_config(config)
        if self.security:
            (config / "users").write_text(f"{self.user}:{_PASSWORD_HASH}\n")
            (config / "users_roles").write_text(f"superuser:{self.user}\n")

    def new_api_key(self, **request) -> dict:
        """{id, name, api_key, encoded}: `encoded` is what the exporter's api_key wants. `request` may limit it:
        role_descriptors, expiration."""
        return self.request("POST", "/_security/api_key", {"name": f"key-{time.monotonic_ns()}", **request})

    def revoke_api_key(self, key: dict):
        self.request("DELETE", "/_security/api_key", {"ids": [key["id"]]})


class OpenSearch(SearchServer):
    """With all modules of its core, the painless language and ingest processors among them, but language analyzers."""

    product, config_variable, tmp_variable = "opensearch", "OPENSEARCH_PATH_CONF", "OPENSEARCH_TMPDIR"

    def _environment(self) -> dict:
        return {**super()._environment(), "OPENSEARCH_JAVA_HOME": self.home / "jdk"}

    def _own_java_options(self) -> list:
        """It wants an agent of its own in place of Java's security manager."""
        return [f"-javaagent:{self.home / 'agent' / 'opensearch-agent.jar'}"]


@cache
def _not_as_root() -> tuple:
    """The servers refuse to run as root. In a user namespace the same user has another number and owns the same files.
    Skips the test where there are no such namespaces, as in a chroot; with CI=true it fails."""
    if os.geteuid() != 0:
        return ()
    words = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("Elasticsearch and OpenSearch refuse to run as root, and user namespaces are not allowed here "
                f"({done.stderr.strip()}): run the tests as another user, or not in a chroot")
    return words
