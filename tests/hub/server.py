"""A Hugging Face hub on the loopback: as much of it as huggingface_hub asks for, and all that can go wrong with it."""

import base64
import hashlib
import json
import re
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LICENCES = ("mit", "apache-2.0", "cc-by-nc-4.0")  # some of those that it knows
LFS_FROM = 200  # bytes: larger files are kept in LFS


@dataclass
class Repository:
    """Files by revision; a revision that is put is the newest of its branch."""

    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    licence: str | None = None
    asks: str | None = None  # "login" (private), "terms" (gated)

    def put(self, files: dict[str, bytes], branch: str = "main") -> str:
        content = json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())})
        commit = hashlib.sha1(f"{len(self.revisions)} {content}".encode()).hexdigest()
        self.revisions[commit] = dict(files)
        self.branches[branch] = commit
        return commit

    def commit_of(self, revision: str) -> str | None:
        revision = self.branches.get(revision, revision)
        return revision if revision in self.revisions else None


@dataclass
class Hub:
    """The state that requests see. `faults` are asked before a file is sent: see `Handler.send_file`."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    faults: dict[str, Callable] = field(default_factory=dict)  # by the file's path
    requests: list[str] = field(default_factory=list)
    starts: list[tuple[str, int]] = field(default_factory=list)  # paths of files, and from which byte they were sent
    uploads: dict[str, bytes] = field(default_factory=dict)  # by SHA-256
    token: str = "hf_of_a_member"
    page: bytes | None = None  # what a network that wants a login answers to everything
    url: str = ""

    def reset(self) -> None:
        for state in (self.repositories, self.faults, self.requests, self.starts, self.uploads):
            state.clear()
        self.page = None

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository())


def start() -> tuple[ThreadingHTTPServer, Hub]:
    """A hub that answers as long as this process lives."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server, hub


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.hub.requests.append(f"{self.command} {self.path}")
        path, _, _ = self.path.partition("?")
        if self.hub.page is not None:
            self.reply(200, self.hub.page, {"Content-Type": "text/html"})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self.send_listing(match[1], urllib.parse.unquote(match[2] or "main"))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)/?", path):
            self.send_tree(match[1], urllib.parse.unquote(match[2]))
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.send_file(match[1], urllib.parse.unquote(match[2]), urllib.parse.unquote(match[3]))
        else:
            self.reply(404, b"{}")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.hub.requests.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, _ = self.path.partition("?")
        if path == "/api/validate-yaml":
            self.validate(json.loads(body)["content"])
        elif not self.is_member():
            self.refuse(401, "")
        elif path == "/api/repos/create":
            self.create(json.loads(body))
        elif re.fullmatch(r"/api/models/[^/]+/[^/]+/preupload/.+", path):
            files = json.loads(body)["files"]
            modes = {file["path"]: "lfs" if file["size"] > LFS_FROM else "regular" for file in files}
            self.answer({"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes.items()]})
        elif path.endswith(".git/info/lfs/objects/batch"):
            files = json.loads(body)["objects"]
            to = {file["oid"]: {"upload": {"href": f"{self.hub.url}/upload/{file['oid']}"}} for file in files}
            self.answer({"transfer": "basic", "objects": [{**file, "actions": to[file["oid"]]} for file in files]})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/(.+)", path):
            self.take_commit(match[1], urllib.parse.unquote(match[2]), body)
        else:
            self.reply(404, b"{}")

    def validate(self, card: str) -> None:
        licence = re.search(r"^license: (.*)$", card, re.MULTILINE)
        errors = [] if licence and licence[1] in LICENCES else [{"message": '"license" must be one of [...]'}]
        content = {"errors": errors, "warnings": []}
        self.reply(400 if errors else 200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def create(self, asked: dict) -> None:
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        made = name not in self.hub.repositories
        if made:
            self.hub.repository(name).put({".gitattributes": b""})
        self.reply(200 if made else 409, json.dumps({"url": f"{self.hub.url}/{name}"}).encode())

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.uploads[hashlib.sha256(body).hexdigest()] = body
        self.reply(200, b"")

    def take_commit(self, name: str, branch: str, body: bytes) -> None:
        repository = self.hub.repository(name)
        files = dict(repository.revisions[repository.branches[branch]])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.hub.uploads[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        commit = repository.put(files, branch)
        self.answer({"commitUrl": f"{self.hub.url}/{name}/commit/{commit}", "commitOid": commit, "success": True})

    def send_listing(self, name: str, revision: str) -> None:
        if found := self.find(name, revision):
            repository, commit = found
            files = [
                {"rfilename": path, "size": len(data), "blobId": git_sha1(data)}
                | ({"lfs": {"sha256": sha256(data), "size": len(data), "pointerSize": 130}} if is_lfs(data) else {})
                for path, data in repository.revisions[commit].items()
            ]
            card = {"license": repository.licence} if repository.licence else {}
            self.answer({"id": name, "modelId": name, "sha": commit, "siblings": files, "cardData": card, "tags": []})

    def send_tree(self, name: str, revision: str) -> None:
        if found := self.find(name, revision):
            repository, commit = found
            files = repository.revisions[commit].items()
            self.answer([{"type": "file", "path": p, "size": len(data), "oid": git_sha1(data)} for p, data in files])

    def send_file(self, name: str, revision: str, path: str) -> None:
        if not (found := self.find(name, revision)):
            return
        repository, commit = found
        data = repository.revisions[commit].get(path)
        if data is None:
            self.refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
            return
        tag = sha256(data) if is_lfs(data) else git_sha1(data)
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if is_lfs(data):
            headers |= {"X-Linked-ETag": f'"{tag}"', "X-Linked-Size": str(len(data))}
        fault = self.hub.faults.get(path)
        if self.command == "GET":
            self.hub.starts.append((path, self.first_byte(data, {})))
        if fault is None or not fault(self, data, headers):
            self.send_from(data, self.first_byte(data, headers), headers)

    def first_byte(self, data: bytes, headers: dict[str, str]) -> int:
        """Of the part that is asked for."""
        match = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return start

    def send_from(self, data: bytes, start: int, headers: dict[str, str], most: int | None = None) -> None:
        """The end of a file from there; of that, only the first `most` bytes."""
        self.send_response(206 if start else 200)
        for name, value in {"Content-Length": str(len(data) - start), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[start:][:most])

    def find(self, name: str, revision: str) -> tuple[Repository, str] | None:
        """The repository and the revision, or an answer that says why not."""
        repository = self.allowed(name)
        commit = repository and repository.commit_of(revision)
        if repository and not commit:
            self.refuse(404, "RevisionNotFound")
        return (repository, commit) if commit else None

    def allowed(self, name: str) -> Repository | None:
        """The repository, or an answer that says why not."""
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.asks == "login" and not self.is_member()):
            self.refuse(404 if self.is_member() else 401, "RepoNotFound")
        elif repository.asks == "terms" and not self.is_member():
            self.refuse(401, "GatedRepo")
        elif repository.asks == "terms":
            self.refuse(403, "GatedRepo")
        elif repository.asks == "nobody":
            self.refuse(403, "")
        elif self.headers.get("Authorization") == "Bearer hf_expired":
            self.refuse(401, "", {"X-Error-Message": "Invalid credentials in Authorization header"})
        else:
            return repository
        return None

    def is_member(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def refuse(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        self.reply(status, b'{"error": "no"}', {**({"X-Error-Code": code} if code else {}), **(headers or {})})

    def answer(self, content: object) -> None:
        self.reply(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def is_lfs(data: bytes) -> bool:
    return len(data) > LFS_FROM


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def breaks_off(times: int, after: int) -> Callable:
    """A file of which the connection ends early, so many times."""
    left = [times]

    def fault(handler: Handler, data: bytes, headers: dict[str, str]) -> bool:
        if handler.command != "GET" or not left[0]:
            return False
        left[0] -= 1
        handler.send_from(data, handler.first_byte(data, headers), headers, most=after)
        handler.close_connection = True
        return True

    return fault


def gives(content: bytes, status: int = 200) -> Callable:
    """A file in whose place something else arrives, though its headers are right when they alone are asked for."""

    def fault(handler: Handler, data: bytes, headers: dict[str, str]) -> bool:
        if handler.command == "HEAD":
            return False
        handler.reply(status, content, headers)
        return True

    return fault
