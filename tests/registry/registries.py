"""Registries for tests: Debian's docker-registry, and one written here that does wrong whatever a test wants."""
import base64
import http.client
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

from archives import OCI_MANIFEST, sha

TOP = Path(__file__).resolve().parents[2]
TYPES = "application/vnd.oci.image.manifest.v1+json"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Debian:
    """Debian's docker-registry on a port of the loopback."""

    def __init__(self, folder, auth="", tls=None, port=None):
        self.folder, self.port = Path(folder), port or free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.tls = tls
        self.headers = {}
        program = subprocess.run([TOP / "tools" / "registry"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = ["version: 0.1", "log: {accesslog: {disabled: false}, level: info}",
                 f"storage: {{filesystem: {{rootdirectory: {self.folder}/data}}, delete: {{enabled: true}}}}",
                 f"http: {{addr: '{self.host}'" + (f", tls: {{certificate: {tls.cert}, key: {tls.key}"
                                                   + (f", clientcas: [{tls.ca}]" if tls.clients else "") + "}" if tls else "") + "}"]
        if auth:
            lines.append(auth)
        (self.folder / "config.yml").write_text("\n".join(lines) + "\n")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([program, "serve", self.folder / "config.yml"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)

    def inside(self, pid):
        """The same registry once more, for those in the network namespace of a process: it is for the caller to end."""
        process = subprocess.Popen(["nsenter", "-t", str(pid), "-n", "--", *self.process.args], stdin=subprocess.DEVNULL,
                                   stdout=self.log, stderr=self.log, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
        deadline = time.monotonic() + 20
        while not re.search(rf":{self.port:04X} \S+ 0A ", Path(f"/proc/{pid}/net/tcp").read_text()):
            assert process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)
        return process

    def requests(self):
        """What was asked for so far, "GET /v2/...", out of its log."""
        self.log.flush()
        return [line.split('"')[1].rsplit(" ", 1)[0] for line in (self.folder / "log").read_text().splitlines()
                if '"GET ' in line or '"HEAD ' in line]

    def connection(self):
        if self.tls:
            context = ssl.create_default_context(cafile=self.tls.ca)
            if self.tls.clients:
                context.load_cert_chain(self.tls.client_cert, self.tls.client_key)
            return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def send(self, method, path, body=None, **headers):
        connection = self.connection()
        connection.request(method, path, body, {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status < 300, (method, path, answer.status, data)
        return answer

    def push(self, name, files):
        """An OCI layout of archives.py; each descriptor of its index under its own tag, or its index as one."""
        repository, _, tag = name.partition(":")
        manifests = set()
        index = json.loads(files["index.json"])
        for descriptor in index["manifests"]:
            manifests |= self._manifests(files, descriptor)
        for member, data in files.items():
            if member.startswith("blobs/") and member.rpartition("/")[2] not in manifests:
                self._blob(repository, data)
        for hex_ in sorted(manifests, key=lambda h: "manifests" in json.loads(files["blobs/sha256/" + h])):
            self._manifest(repository, "sha256:" + hex_, files["blobs/sha256/" + hex_])
        top = index["manifests"][0]["digest"].removeprefix("sha256:")
        return self._manifest(repository, tag, files["blobs/sha256/" + top])

    def _manifests(self, files, descriptor):
        hex_ = descriptor["digest"].removeprefix("sha256:")
        document = json.loads(files["blobs/sha256/" + hex_])
        below = [self._manifests(files, child) for child in document.get("manifests", [])]
        return {hex_}.union(*below)

    def _blob(self, repository, data):
        where = self.send("POST", f"/v2/{repository}/blobs/uploads/", Content_Length="0").getheader("Location")
        path = where[where.index("/v2/"):]
        self.send("PUT", f"{path}{'&' if '?' in path else '?'}digest=sha256:{sha(data)}", data,
                  Content_Type="application/octet-stream")

    def _manifest(self, repository, reference, data):
        kind = json.loads(data).get("mediaType", OCI_MANIFEST)
        return self.send("PUT", f"/v2/{repository}/manifests/{reference}", data, Content_Type=kind).getheader(
            "Docker-Content-Digest")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Asked:
    """A request as it came."""

    def __init__(self, handler):
        self.method, self.path, self.headers = handler.command, handler.path, dict(handler.headers.items())
        if "chunked" in (handler.headers.get("Transfer-Encoding") or ""):
            self.body = b"".join(self.chunks(handler.rfile))
        else:
            self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    @staticmethod
    def chunks(file):
        while size := int(file.readline().strip() or b"0", 16):
            yield file.read(size)
            file.readline()
        file.readline()

    def header(self, name):
        return next((v for k, v in self.headers.items() if k.lower() == name.lower()), None)


class Server:
    """A server of a test's own: `answer(handler, asked)` does all; what was asked is kept in `asked`."""

    def __init__(self, answer, tls=None):
        server = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                asked = Asked(self)
                server.asked.append(asked)
                try:
                    answer(self, asked)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def reply(self, status, body=b"", **headers):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                headers.setdefault("Content_Length", str(len(body)))
                for key, value in headers.items():
                    for one in value if isinstance(value, list) else [value]:
                        if one is not None:
                            self.send_header(key.replace("_", "-"), one)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def cut(self, body, total, **headers):
                """Says total bytes, sends those of body, and breaks the connection."""
                self.reply(headers.pop("status", 200), body, Content_Length=str(total), **headers)
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.cert, tls.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def paths(self, part=""):
        return [asked.path for asked in self.asked if part in asked.path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Served:
    """A layout of archives.py as a registry would give it; a test overrides what is wrong."""

    def __init__(self, files):
        self.files = files
        self.top = json.loads(files["index.json"])["manifests"][0]

    def blob(self, digest):
        return self.files.get("blobs/sha256/" + digest.removeprefix("sha256:"))

    def __call__(self, handler, asked):
        if asked.path == "/v2/":
            return handler.reply(200, {})
        kind, _, what = asked.path.rpartition("/")
        if kind.endswith("/manifests"):
            data = self.blob(what if what.startswith("sha256:") else self.top["digest"])
            return self.manifest(handler, asked, data)
        data = self.blob(what)
        if data is None:
            return handler.reply(404, {"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]})
        return self.layer(handler, asked, data)

    def manifest(self, handler, asked, data):
        if data is None:
            return handler.reply(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]})
        return handler.reply(200, data, Content_Type=json.loads(data).get("mediaType", OCI_MANIFEST),
                             Docker_Content_Digest="sha256:" + sha(data))

    def layer(self, handler, asked, data):
        return handler.reply(200, data, Content_Type="application/octet-stream")


class Taking:
    """A registry that keeps what is uploaded; a test overrides what is wrong."""

    def __init__(self, blobs=()):
        self.blobs = {"sha256:" + sha(blob): blob for blob in blobs}
        self.uploads, self.manifests = {}, {}

    def __call__(self, handler, asked):
        url = urllib.parse.urlsplit(asked.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        name, what = url.path.rpartition("/")[::2]
        if asked.method == "HEAD":
            return handler.reply(200 if what in self.blobs else 404)
        if "/manifests" in name:
            return self.manifest(handler, asked, what)
        if asked.method == "POST":
            return self.begin(handler, asked, query)
        if asked.method == "PATCH":
            return self.patch(handler, asked, what)
        if asked.method == "PUT":
            return self.end(handler, asked, what, query["digest"])
        return handler.reply(404)

    def begin(self, handler, asked, query):
        number = str(len(self.uploads))
        self.uploads[number] = b""
        return handler.reply(202, Location=f"/v2/up/{number}")

    def patch(self, handler, asked, number):
        self.uploads[number] += asked.body
        return handler.reply(202, Location=f"/v2/up/{number}")

    def end(self, handler, asked, number, digest):
        self.uploads[number] += asked.body
        found = "sha256:" + sha(self.uploads[number])
        if found != digest:
            return handler.reply(400, {"errors": [{"code": "DIGEST_INVALID", "message": "no such digest"}]})
        self.blobs[digest] = self.uploads[number]
        return handler.reply(201, Docker_Content_Digest=digest)

    def manifest(self, handler, asked, tag):
        self.manifests[tag] = asked.body
        return handler.reply(201, Docker_Content_Digest="sha256:" + sha(asked.body))


def openssl(*words, **options):
    subprocess.run(["openssl", *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


class Authority:
    """An authority of certificates, and one of a server at 127.0.0.1 and of a client."""

    def __init__(self, folder, clients=False):
        self.folder, self.clients = Path(folder), clients
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self.ca_key = self.folder / "ca.crt", self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=authority of a test", "-keyout", self.ca_key, "-out", self.ca)
        self.cert, self.key = self.issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.client_cert, self.client_key = self.issue("client", "extendedKeyUsage=clientAuth")

    def issue(self, name, extension):
        cert, key, request = (self.folder / f"{name}.{end}" for end in ("cert", "key", "csr"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        (self.folder / "extension").write_text(extension + "\n")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-days", "2",
                "-extfile", self.folder / "extension", "-out", cert)
        return cert, key


class Tokens:
    """The answers of a token server whose tokens docker-registry takes: signed by a key of its own."""

    def __init__(self, folder, users):
        self.folder, self.users = Path(folder), users
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.cert = self.folder / "tokens.key", self.folder / "tokens.crt"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens",
                "-keyout", self.key, "-out", self.cert)
        self.lock = threading.Lock()

    def config(self, realm):
        return (f"auth: {{token: {{realm: '{realm}', service: 'the registry', issuer: 'the issuer', "
                f"rootcertbundle: {self.cert}}}}}")

    def token(self, scopes, user):
        """Scopes: one, or a list."""
        def part(data):
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        access = []
        for scope in [scopes] if isinstance(scopes, str) else scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        pem = self.cert.read_text().split("-----")[2]
        now = int(time.time())
        head = part({"alg": "RS256", "typ": "JWT", "x5c": [pem.replace("\n", "")]})
        body = part({"iss": "the issuer", "sub": user, "aud": "the registry", "exp": now + 300, "nbf": now - 10, "iat": now,
                     "jti": str(time.monotonic_ns()), "access": access})
        with self.lock:
            (self.folder / "text").write_bytes(head + b"." + body)
            openssl("dgst", "-sha256", "-sign", self.key, "-out", self.folder / "signature", self.folder / "text")
            return (head + b"." + body + b"." + part((self.folder / "signature").read_bytes())).decode()

    def __call__(self, handler, asked):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.path).query)
        user = next((u for u, p in self.users.items() if asked.header("Authorization") == basic(u, p)), None)
        if self.users and user is None:
            return handler.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]})
        return handler.reply(200, {"token": self.token(query["scope"], user or "")}, Content_Type="application/json")
