"""A hub on this machine that holds one model and takes commits: what huggingface_hub's client requests, and no more."""

import base64
import hashlib
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What the stub holds.

    Args:
        folder: The files of the model ``org/name``.
        revisions: Names of its only commit.
        refusals: Other models, by name, and how they are refused: a status, and headers.
    """

    def __init__(self, folder=None, revisions=("main", "v1", COMMIT), refusals=None):
        self.refusals = refusals or {}
        self.files = {} if folder is None else {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        self.revisions = revisions
        self.created, self.pushed = [], {}

    def describe(self):
        siblings = [{"rfilename": name} for name in self.files]
        return {"id": "org/name", "modelId": "org/name", "sha": COMMIT, "siblings": siblings, "private": False,
                "downloads": 0, "likes": 0, "tags": []}  # fmt: skip

    def tree(self):
        return [{"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in self.files.items()]  # fmt: skip

    def preupload(self, asked):
        """Say which files come as large ones."""
        return {"files": [{"path": each["path"], "shouldIgnore": False,
                           "uploadMode": "lfs" if each["path"].endswith(".onnx") else "regular"}
                          for each in asked["files"]]}  # fmt: skip

    def locate(self, asked, host):
        """Say where large files go."""
        objects = [{**each, "actions": {"upload": {"href": f"{host}/lfs/{each['oid']}"}}} for each in asked["objects"]]
        return {"transfer": "basic", "objects": objects}

    def commit(self, lines, host):
        """Take a commit: each line is a header, a small file, or the hash of a large one that came before."""
        for line in map(json.loads, lines.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.pushed[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.pushed[value["path"]] = self.pushed.pop(value["oid"])
        return {"commitUrl": f"{host}/org/name/commit/{COMMIT}", "commitOid": COMMIT, "hookOutput": ""}


class Handler(BaseHTTPRequestHandler):
    """One connection; ``server.hub`` is what the stub holds."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, content=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def json(self, value):
        self.reply(200, json.dumps(value).encode(), Content_Type="application/json")

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self):
        hub, parts = self.server.hub, unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"] and "/".join(parts[2:4]) in hub.refusals:
            status, headers = hub.refusals["/".join(parts[2:4])]
            return self.reply(status, **headers)
        if parts[:4] == ["api", "models", "org", "name"] and parts[4] in ("revision", "tree"):
            if parts[5] not in hub.revisions:
                return self.reply(404, X_Error_Code="RevisionNotFound")
            return self.json(hub.describe() if parts[4] == "revision" else hub.tree())
        if parts[:3] == ["org", "name", "resolve"] and parts[4] in hub.files:
            content = hub.files[parts[4]]
            return self.reply(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"', X_Repo_Commit=COMMIT)
        return self.reply(404, X_Error_Code="RepoNotFound")

    def do_HEAD(self):
        self.do_GET()

    def create(self, asked, host):
        """Make a model, but for one that is refused."""
        if refusal := self.server.hub.refusals.get(f"{asked['organization']}/{asked['name']}"):
            return self.reply(refusal[0], **refusal[1])
        self.server.hub.created.append(asked)
        return self.json({"url": f"{host}/org/name", "id": "1"})

    def do_POST(self):
        hub, path, body = self.server.hub, unquote(urlsplit(self.path).path), self.body()
        host = f"http://{self.headers['Host']}"
        if path == "/api/repos/create":
            return self.create(json.loads(body), host)
        if path == "/api/validate-yaml":
            return self.json({"errors": [], "warnings": []})
        if path.startswith("/api/models/org/name/preupload/"):
            return self.json(hub.preupload(json.loads(body)))
        if path == "/org/name.git/info/lfs/objects/batch":
            return self.json(hub.locate(json.loads(body), host))
        if path.startswith("/api/models/org/name/commit/"):
            return self.json(hub.commit(body, host))
        return self.reply(404, X_Error_Code="RepoNotFound")

    def do_PUT(self):
        self.server.hub.pushed[self.path.rpartition("/")[2]] = self.body()
        self.reply(200)


@contextmanager
def served(hub):
    """Run the stub; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = hub
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
