"""Makes image archives: right ones, and wrong ones of every kind."""
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def entry(name, type=tarfile.REGTYPE, **fields):
    info = tarfile.TarInfo(name)
    info.type = type
    info.mode = fields.pop("mode", 0o755 if type == tarfile.DIRTYPE else 0o644)
    info.mtime = fields.pop("mtime", 1000000000)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def tar(*entries, format=tarfile.PAX_FORMAT):
    """A tar of (TarInfo or name, data) pairs, TarInfos or names."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for item in entries:
            info, data = item if isinstance(item, tuple) else (item, b"")
            if isinstance(info, str):
                info = entry(info, tarfile.DIRTYPE) if info.endswith("/") else entry(info)
            if isinstance(data, str):
                data = data.encode()
            if data:
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def raw_header(name, size=0, type=b"0", **fields):
    """A ustar header as bytes, for what the library would refuse to write."""
    block = bytearray(512)
    def put(at, data):
        block[at:at + len(data)] = data
    put(0, name if isinstance(name, bytes) else name.encode())
    put(100, fields.get("mode", b"0000644\0"))
    put(108, fields.get("uid", b"0000000\0"))
    put(116, fields.get("gid", b"0000000\0"))
    put(124, fields.get("size_field", b"%011o\0" % size))
    put(136, b"07346545000\0")
    put(148, b"        ")
    put(156, type)
    put(157, fields.get("link", b""))
    put(257, fields.get("magic", b"ustar\x0000"))
    put(329, fields.get("major", b"0000000\0"))
    put(337, fields.get("minor", b"0000000\0"))
    for at, data in fields.get("more", []):
        put(at, data)
    put(148, b"%06o\0 " % sum(block))
    return bytes(block)


def pad(data):
    return data + bytes(-len(data) % 512)


END = bytes(1024)


def pax_record(key, value):
    value = value if isinstance(value, bytes) else value.encode()
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(*records):
    """A PAX header for the next entry."""
    data = b"".join(pax_record(k, v) for k, v in records)
    return raw_header("pax", len(data), b"x") + pad(data)


def zstd(data):
    return subprocess.run([shutil.which("zstd"), "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def config(layers, **more):
    document = {"architecture": "amd64", "os": "linux", "created": "2024-01-02T03:04:05.678Z",
                "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
                "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(layer) for layer in layers]}}
    document.update(more)
    return json.dumps(document).encode()


def files_tar(files):
    return tar(*[(entry(name), data) for name, data in files.items()])


def docker_archive(layers, tags=("test:1",), image_config=None, packed=None, **manifest):
    """What `docker save` wrote before version 25."""
    image_config = image_config or config(layers)
    files = {}
    names = []
    for layer, data in zip(layers, packed or layers):
        files[sha(layer) + "/layer.tar"] = data
        names.append(sha(layer) + "/layer.tar")
    files[sha(image_config) + ".json"] = image_config
    document = {"Config": sha(image_config) + ".json", "RepoTags": list(tags), "Layers": names}
    document.update(manifest)
    files["manifest.json"] = json.dumps([document]).encode()
    return files


class Oci:
    """An OCI layout in memory."""

    def __init__(self):
        self.files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(self, data, media_type, **more):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.files["blobs/sha256/" + sha(data)] = data
        return {"mediaType": media_type, "digest": "sha256:" + sha(data), "size": len(data), **more}

    def manifest(self, layers, image_config=None, packed=None, media_type=OCI_LAYER, **more):
        """A manifest of layers; more: members of the document. Returns its descriptor."""
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                    "config": self.blob(image_config or config(layers), OCI_CONFIG),
                    "layers": [self.blob(layer, media_type) for layer in (packed or layers)]}
        document.update(more)
        return self.blob(document, OCI_MANIFEST)

    def index(self, *descriptors, **more):
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": list(descriptors), **more}).encode()
        return self.files


def named(descriptor, name):
    return {**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}}


def oci_image(layers, name="test:1", **more):
    oci = Oci()
    return oci.index(named(oci.manifest(layers, **more), name))


def write_tar(path, files):
    path.write_bytes(files_tar(files))
    return path


def write_folder(path, files):
    for name, data in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path


def gz(data):
    return gzip.compress(data, 6)
