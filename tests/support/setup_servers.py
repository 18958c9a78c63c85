# SPDX-License-Identifier: Apache-2.0
"""What `weir setup` asks of its servers, as far as their documentation says how they answer: the template and policy APIs
of Elasticsearch and OpenSearch, and Kibana's import of saved objects. For cases that the real servers of the tests cannot
show; where they can, the tests use them."""

import email.parser
import email.policy
import json
import re
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from support.certificates import Identity


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    query: dict
    headers: dict  # names in lower case
    body: bytes


@dataclass
class FakeServer:
    """Serves until close(), with an Identity as `tls` by HTTPS. `answer(seen)` gives a status and what is to be sent as
    JSON."""

    seen: list = field(default_factory=list)
    tls: Identity | None = None
    refuse_with: tuple | None = None  # a status and a body for every request

    def __post_init__(self):
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

            def _serve(self):
                target = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, target.path, parse_qs(target.query), headers, body)
                owner.seen.append(seen)
                status, content = owner.refuse_with or owner.answer(seen)
                data = json.dumps(content, ensure_ascii=False).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = _serve

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.cert, self.tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.server_port}"

    def answer(self, seen: Seen) -> tuple:
        raise NotImplementedError

    def changes(self) -> list:
        """'PUT /…' of everything that was not only read."""
        return [f"{one.method} {one.path}" for one in self.seen if one.method != "GET"]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


_LISTS = {"_component_template": ("component_templates", "component_template"),
          "_index_template": ("index_templates", "index_template")}
_POLICY = "/_plugins/_ism/policies/"


@dataclass
class FakeSearch(FakeServer):
    """Elasticsearch, or with `distribution` OpenSearch. `unknown` is a word that bodies must not have."""

    version: str = "9.1.0"
    distribution: str | None = None
    has_policies: bool = True
    unknown: str = ""
    stored: dict = field(default_factory=dict)  # "_index_template/logs": its body
    policies: dict = field(default_factory=dict)

    def answer(self, seen: Seen) -> tuple:
        if seen.path == "/":
            return 200, {"version": {"number": self.version, **({"distribution": self.distribution} if self.distribution else {})}}
        if seen.path.startswith(_POLICY) and self.distribution and self.has_policies:
            return self._policy(seen)
        template = re.fullmatch(r"/(_component_template|_index_template)/([^/]+)", seen.path)
        if not template:
            return 400, {"error": f"no handler found for uri [{seen.path}] and method [{seen.method}]"}
        return self._put(seen) if seen.method == "PUT" else self._get(template.group(1), template.group(2))

    def _put(self, seen: Seen) -> tuple:
        assert seen.headers["content-type"] == "application/json"
        if self.unknown and self.unknown.encode() in seen.body:
            return 400, {"error": {"type": "mapper_parsing_exception", "reason": f"unsupported: [{self.unknown}]"}}
        self.stored[seen.path[1:]] = json.loads(seen.body)
        return 200, {"acknowledged": True}

    def _get(self, kind: str, name: str) -> tuple:
        body = self.stored.get(f"{kind}/{name}")
        if body is None:
            return 404, {}
        many, one = _LISTS[kind]
        return 200, {many: [{one: {"_meta": body["_meta"]}}]} if "_meta" in body else {}

    def _policy(self, seen: Seen) -> tuple:
        """A change must name the version that it is a change of."""
        name = seen.path[len(_POLICY):]
        have = self.policies.get(name)
        if seen.method == "GET":
            return (200, {"_id": name, "_seq_no": have[0], "_primary_term": 1, "policy": have[1]}) if have else (404, {})
        if have and (seen.query.get("if_seq_no"), seen.query.get("if_primary_term")) != ([str(have[0])], ["1"]):
            return 409, {"error": {"reason": "version conflict"}}
        self.policies[name] = (have[0] + 1 if have else 0, json.loads(seen.body)["policy"])
        return (200 if have else 201), {"_id": name}


@dataclass
class FakeKibana(FakeServer):
    """Takes imports as "Import saved objects" of Kibana's documentation says; `refused` are ids that it does not take."""

    spaces: tuple = ("default",)
    refused: tuple = ()
    objects: dict = field(default_factory=dict)  # (space, type, id): the object

    def answer(self, seen: Seen) -> tuple:
        target = re.fullmatch(r"(?:/s/([a-z0-9_-]+))?/api/saved_objects/_import", seen.path)
        if seen.method != "POST" or not target or (target.group(1) or "default") not in self.spaces:
            return 404, {"statusCode": 404, "error": "Not Found", "message": "Not Found"}
        if "kbn-xsrf" not in seen.headers:
            return 400, {"statusCode": 400, "error": "Bad Request", "message": "Request must contain a kbn-xsrf header."}
        objects = [json.loads(line) for line in _file_of(seen).decode().splitlines()]
        return 200, self._import(target.group(1) or "default", objects, seen.query.get("overwrite") == ["true"])

    def _import(self, space: str, objects: list, overwrites: bool) -> dict:
        errors, done = [], []
        for one in objects:
            key = (space, one["type"], one["id"])
            about = {"type": one["type"], "id": one["id"], "meta": {"title": one["attributes"].get("title", "")}}
            if one["id"] in self.refused or (key in self.objects and not overwrites):
                errors.append({**about, "error": {"type": "conflict"}})
                continue
            done.append({**about, **({"overwrite": True} if key in self.objects else {})})
            self.objects[key] = one
        return {"successCount": len(done), "success": not errors, "warnings": [], "successResults": done,
                **({"errors": errors} if errors else {})}


def _file_of(seen: Seen) -> bytes:
    """The one part of the form, which must be called file and look like NDJSON by its name."""
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + seen.body)
    (part,) = form.iter_parts()
    assert part.get_param("name", header="Content-Disposition") == "file"
    assert part.get_filename().endswith(".ndjson")
    return part.get_payload(decode=True)
