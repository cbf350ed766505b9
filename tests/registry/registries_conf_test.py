"""registries.conf: mirrors, other places, what is blocked, whose certificates are not looked at."""
import pytest

from archives import entry, oci_image, sha, tar
from registries import Authority, Served, basic

ONE = tar("etc/", (entry("etc/motd"), "hello"))


@pytest.fixture
def image():
    return oci_image([ONE])


def configure(cli, text, name="registries.conf"):
    file = cli.config / "containers" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_mirror_is_asked_first(cli, serve, image):
    mirror, registry = serve(Served(image)), serve(Served(image))
    configure(cli, f'[[registry]]\nlocation = "{registry.host}"\n[[registry.mirror]]\nlocation = "{mirror.host}/hub"\n')
    cli("pull", f"{registry.host}/a/box:1").ok()
    assert registry.asked == [] and mirror.paths("/manifests/") == ["/v2/hub/a/box/manifests/1"]
    # It keeps its own name.
    assert [(i["Repository"], i["Tag"]) for i in cli.images()] == [(f"{registry.host}/a/box", "1")]


def test_a_mirror_that_cannot_is_passed_over(cli, serve, image):
    mirror = serve(lambda h, a: h.reply(404, b""))
    registry = serve(Served(image))
    configure(cli, f'[[registry]]\nlocation = "{registry.host}"\n[[registry.mirror]]\nlocation = "127.0.0.1:1"\n'
                   f'[[registry.mirror]]\nlocation = "{mirror.host}"\n')
    cli("pull", f"{registry.host}/box:1").ok()
    assert mirror.asked and registry.asked


def test_a_mirror_has_its_own_password(cli, serve, image):
    class Guarded(Served):
        def __call__(self, handler, asked):
            if asked.header("Authorization") is None:
                return handler.reply(401, b"", WWW_Authenticate="Basic realm=x")
            return super().__call__(handler, asked)

    mirror, registry = serve(Guarded(image)), serve(Guarded(image))
    configure(cli, f'[[registry]]\nlocation = "{registry.host}"\n[[registry.mirror]]\nlocation = "{mirror.host}"\n')
    cli.login(registry.host, "me", "of the registry")
    cli("pull", f"{registry.host}/box:1").ok()
    sent = {asked.header("Authorization") for asked in mirror.asked}
    assert sent == {None}
    assert basic("me", "of the registry") in {asked.header("Authorization") for asked in registry.asked}


def test_docker_hub_can_be_elsewhere(cli, serve, image):
    server = serve(Served(image))
    configure(cli, f'[[registry]]\nprefix = "docker.io"\nlocation = "{server.host}"\n')
    cli("pull", "box:1").ok()
    assert server.paths("/manifests/") == ["/v2/library/box/manifests/1"]
    assert [i["Repository"] for i in cli.images()] == ["box"]


def test_blocked(cli, serve, image):
    server = serve(Served(image))
    configure(cli, f'[[registry]]\nlocation = "{server.host}/no"\nblocked = true\n')
    said = cli.refuse("pull", f"{server.host}/no/box:1")
    assert "blocked" in said and server.asked == []
    cli("pull", f"{server.host}/yes/box:1").ok()


def test_insecure(cli, serve, image, tmp_path):
    server = serve(Served(image), tls=Authority(tmp_path / "authority"))
    configure(cli, f'[[registry]]\nlocation = "{server.host}"\ninsecure = true\n')
    assert "certificate" in cli.refuse("pull", "--tls-verify=true", f"{server.host}/box:1")
    cli("pull", f"{server.host}/box:1").ok()


def test_proxies(cli, serve, image):
    class Proxied(Served):
        def __call__(self, handler, asked):
            prefix = "http://example.test"
            assert asked.path.startswith(prefix)
            asked.path = asked.path.removeprefix(prefix)
            return super().__call__(handler, asked)

    proxy = serve(Proxied(image))
    configure(cli, '[[registry]]\nlocation = "example.test"\ninsecure = true\n')
    env = {"http_proxy": proxy.url, "https_proxy": proxy.url}
    cli("pull", "example.test/box:1", env=env).ok()  # that the proxy cannot do CONNECT is no end
    before = len(proxy.asked)
    assert before == 3
    said = cli.refuse("pull", "example.test/box:1", env={**env, "no_proxy": "example.test"})
    assert "resolve" in said and len(proxy.asked) == before
    # This machine itself is never asked for through a proxy.
    server = serve(Served(image))
    cli("pull", f"{server.host}/box:1", env=env).ok()
    assert len(proxy.asked) == before


def test_pieces_and_another_file(cli, serve, image, tmp_path):
    server = serve(Served(image))
    for name in ("20-last.conf", "10-first.conf"):
        location = server.host if name.startswith("20") else "127.0.0.1:1"
        configure(cli, f'[[registry]]\nprefix = "example.test"\nlocation = "{location}"\n', f"registries.conf.d/{name}")
    cli("pull", "example.test/box:1").ok()
    other = tmp_path / "other.conf"
    other.write_text('[[registry]]\nprefix = "example.test"\nblocked = true\n')
    env = {"CONTAINERS_REGISTRIES_CONF": str(other)}
    assert "blocked" in cli.refuse("pull", "example.test/box:1", env=env)
    other.write_text('[[registry]]\nprefix = "example.test"\nblocked = maybe\n')
    said = cli.refuse("pull", "example.test/box:1", env=env)
    assert str(other) in said and "line 3" in said
    assert str(tmp_path / "absent") in cli.refuse("pull", "example.test/box:1",
                                                  env={"CONTAINERS_REGISTRIES_CONF": str(tmp_path / "absent")})


def test_layers_come_from_where_the_name_was_found(cli, serve, image):
    mirror, registry = serve(Served(image)), serve(Served(image))
    configure(cli, f'[[registry]]\nlocation = "{registry.host}"\n[[registry.mirror]]\nlocation = "{mirror.host}"\n')
    cli("pull", f"{registry.host}/box:1").ok()
    assert len(mirror.paths("/blobs/")) == 2 and registry.asked == []
    assert cli.layers() == [sha(ONE)]
