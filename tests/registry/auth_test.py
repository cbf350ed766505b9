"""Who one is, and who the registry is: challenges, files of passwords, helpers, certificates."""
import crypt
import json
import os
import stat

import pytest

from archives import entry, oci_image, tar
from registries import Authority, Debian, Served, Tokens, basic

ONE = tar("etc/", (entry("etc/motd"), "hello"))


@pytest.fixture
def image():
    return oci_image([ONE])


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def trust(cli, host, authority, client=False):
    folder = cli.config / "containers/certs.d" / host
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(authority.ca.read_bytes())
    if client:
        (folder / "client.cert").write_bytes(authority.client_cert.read_bytes())
        (folder / "client.key").write_bytes(authority.client_key.read_bytes())
    return folder


# --- real registries ---

def test_htpasswd(cli, tmp_path, image):
    passwords = tmp_path / "htpasswd"
    passwords.write_text("me:" + crypt.crypt("se:cret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)) + "\n")
    registry = Debian(tmp_path / "registry", auth=f"auth: {{htpasswd: {{realm: here, path: {passwords}}}}}")
    try:
        registry.headers = {"Authorization": basic("me", "se:cret")}
        registry.push("box:1", image)
        said = cli.refuse("pull", f"{registry.host}/box:1")
        assert "401 Unauthorized" in said and "corten login" in said
        file = cli.login(registry.host, "me", "wrong")
        assert "401" in cli.refuse("pull", f"{registry.host}/box:1")
        cli.login(registry.host, "me", "se:cret")
        cli("pull", f"{registry.host}/box:1").ok()
        cli("rmi", f"{registry.host}/box:1").ok()
        elsewhere = file.rename(tmp_path / "mine.json")
        cli("pull", "--authfile", elsewhere, f"{registry.host}/box:1").ok()
        cli("pull", f"{registry.host}/box:1", env={"REGISTRY_AUTH_FILE": str(elsewhere)}).ok()
    finally:
        registry.close()


def test_tokens_and_tls(cli, tmp_path, serve, image):
    authority = Authority(tmp_path / "authority")
    tokens = Tokens(tmp_path / "tokens", {"me": "secret"})
    server = serve(tokens, tls=authority)
    registry = Debian(tmp_path / "registry", auth=tokens.config(server.url + "/token"), tls=authority)
    try:
        registry.headers = {"Authorization": "Bearer " + tokens.token("repository:a/box:pull,push", "me")}
        registry.push("a/box:1", image)
        said = cli.refuse("pull", f"{registry.host}/a/box:1")
        assert "certificate" in said
        trust(cli, registry.host, authority)
        assert "certificate" in cli.refuse("pull", f"{registry.host}/a/box:1")  # of the token server
        trust(cli, server.host, authority)
        said = cli.refuse("pull", f"{registry.host}/a/box:1")
        assert "401 Unauthorized" in said and "who are you" in said and "token" in said
        cli.login(registry.host, "me", "secret")
        cli("pull", f"{registry.host}/a/box:1").ok()
        # One token serves the whole pull; each says whose it is, and what for.
        assert [asked.header("Authorization") for asked in server.asked][-1] == basic("me", "secret")
        asked = server.asked[-1].path
        assert "scope=repository%3Aa%2Fbox%3Apull" in asked and "service=the%20registry" in asked and "account=me" in asked
        assert len(server.asked) == 2
    finally:
        registry.close()


def test_client_certificates(cli, tmp_path, image):
    authority = Authority(tmp_path / "authority", clients=True)
    registry = Debian(tmp_path / "registry", tls=authority)
    try:
        registry.push("box:1", image)
        trust(cli, registry.host, authority)
        said = cli.refuse("pull", f"{registry.host}/box:1")
        assert "certificate required" in said or "alert" in said
        folder = cli.config / "containers/certs.d" / registry.host
        folder.rename(tmp_path / "certs")
        trust(cli, registry.host, authority, client=True)
        cli("pull", f"{registry.host}/box:1").ok()
        assert "certificate" in cli.refuse("pull", "--cert-dir", tmp_path / "certs", f"{registry.host}/box:1")
        (folder / "client.key").unlink()
        assert "client.key" in cli.refuse("pull", f"{registry.host}/box:1")
    finally:
        registry.close()


# --- TLS ---

def test_a_stranger_is_not_believed(cli, serve, authority, image):
    server = serve(Served(image), tls=authority)
    name = f"{server.host}/box:1"
    assert "certificate" in cli.refuse("pull", name)
    assert "certificate" in cli.refuse("pull", "--tls-verify=true", name)
    assert server.asked == []
    cli("pull", "--tls-verify=false", name).ok()
    assert "--tls-verify" in cli.refuse("pull", "--tls-verify=maybe", name)


def test_another_name_than_the_certificate_says(cli, serve, authority, image):
    server = serve(Served(image), tls=authority)
    host = f"127.0.0.2:{server.port}"
    trust(cli, host, authority)
    said = cli.refuse("pull", f"{host}/box:1")
    assert server.asked == [] and said


def test_plain_http_is_for_this_machine_alone(cli, serve, image):
    server = serve(Served(image))
    said = cli.refuse("pull", "--tls-verify=true", f"{server.host}/box:1")
    assert server.asked == [] and "SSL" in said
    cli("pull", f"localhost:{server.port}/box:1").ok()


def test_a_redirect_there_and_back_trusts_whom_it_trusted_first(cli, serve, image, tmp_path, authority):
    other_authority = Authority(tmp_path / "other")
    other = serve(lambda h, a: h.reply(302, b"", Location=f"{server.url}/back"), tls=other_authority)

    class There(Served):
        def __call__(self, handler, asked):
            if asked.path == "/back":
                return handler.reply(200, self.back)
            return super().__call__(handler, asked)

        def layer(self, handler, asked, data):
            if data[:1] != b"{":
                self.back = data
                return handler.reply(302, b"", Location=f"{other.url}/over")
            return super().layer(handler, asked, data)

    server = serve(There(image), tls=authority)
    trust(cli, server.host, authority)
    trust(cli, other.host, other_authority)
    cli("pull", f"{server.host}/box:1").ok()
    assert [asked.path for asked in other.asked] == ["/over"]


def test_no_redirect_from_tls_to_plain_http(cli, serve, authority):
    plain = serve(lambda h, a: h.reply(200, b""))
    server = serve(lambda h, a: h.reply(302, b"", Location=plain.url + "/x"), tls=authority)
    trust(cli, server.host, authority)
    assert "redirect from TLS" in cli.refuse("pull", f"{server.host}/box:1")
    assert plain.asked == []


def test_no_token_server_without_tls(cli, serve, authority):
    plain = serve(lambda h, a: h.reply(200, {"token": "t"}))
    server = serve(lambda h, a: h.reply(401, b"", WWW_Authenticate=f'Bearer realm="{plain.url}/t"'), tls=authority)
    trust(cli, server.host, authority)
    cli.login(server.host, "me", "secret")
    assert "without TLS" in cli.refuse("pull", f"{server.host}/box:1")
    assert plain.asked == []


# --- challenges and tokens ---

class Guarded(Served):
    """Wants a header of authorization that `takes` accepts; else challenges with `challenge`."""

    def __init__(self, files, challenge, takes):
        super().__init__(files)
        self.challenge, self.takes = challenge, takes

    def __call__(self, handler, asked):
        if not self.takes(asked.header("Authorization")):
            return handler.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]},
                                 WWW_Authenticate=self.challenge)
        return super().__call__(handler, asked)


@pytest.mark.parametrize("answer", [{"token": "good"}, {"access_token": "good"}, {"token": "", "access_token": "good"}])
def test_tokens_of_all_forms(cli, serve, image, answer):
    tokens = serve(lambda h, a: h.reply(200, {**answer, "expires_in": 300, "issued_at": "2024-01-01T00:00:00Z"}))
    server = serve(Guarded(image, ['Negotiate abc==', f'Basic realm="x", Bearer realm="{tokens.url}/t",service="s, \\"q\\"",scope="repository:box:pull"'],
                           lambda header: header == "Bearer good"))
    cli("pull", f"{server.host}/box:1").ok()
    assert tokens.paths() == ["/t?service=s%2C%20%22q%22&scope=repository%3Abox%3Apull"]
    assert tokens.asked[0].header("Authorization") is None


def test_a_token_that_ends_is_asked_for_again(cli, serve, image):
    given = []

    def token(handler, asked):
        given.append(f"t{len(given)}")
        handler.reply(200, {"token": given[-1]})

    used = {}

    def takes(header):
        used[header] = used.get(header, 0) + 1
        return header is not None and header == "Bearer " + given[-1] and used[header] <= 2

    tokens = serve(token)
    server = serve(Guarded(image, f'Bearer realm="{tokens.url}/t",service=s', takes))
    cli("pull", f"{server.host}/box:1").ok()
    assert len(given) == 2


def test_a_registry_that_is_never_satisfied(cli, serve, image):
    tokens = serve(lambda h, a: h.reply(200, {"token": "good"}))
    server = serve(Guarded(image, f'Bearer realm="{tokens.url}/t"', lambda header: False))
    said = cli.refuse("pull", f"{server.host}/box:1")
    assert "401 Unauthorized" in said and "authentication required" in said
    assert len(tokens.asked) == 1 and len(server.asked) == 2


@pytest.mark.parametrize("body,word", [({}, "no token"), (b"x", "expected a value"), ({"token": "a\r\nX: y"}, "no header"),
                                       (b'{"token":"' + b"x" * 100000 + b'"}', ""), ({"token": 5}, "token")])
def test_token_servers_that_do_wrong(cli, serve, image, body, word):
    tokens = serve(lambda h, a: h.reply(200, body))
    server = serve(Guarded(image, f'Bearer realm="{tokens.url}/t"', lambda header: False))
    said = cli.refuse("pull", f"{server.host}/box:1")
    assert "token" in said and word in said
    assert all(asked.header("X") is None for asked in server.asked)


@pytest.mark.parametrize("challenge", ["Digest realm=x", "Bearer", 'Bearer realm="', 'Bearer realm="ftp://x/"',
                                       'Bearer realm="http://127.0.0.1:1/"', "=", 'Bearer realm="' + "x" * 4000 + '"', None])
def test_challenges_that_lead_nowhere(cli, serve, image, challenge):
    server = serve(Guarded(image, challenge, lambda header: False))
    cli.login(server.host, "me", "secret")
    cli.refuse("pull", f"{server.host}/box:1")


def test_no_token_server_elsewhere_without_tls(cli, serve, image):
    """The registry itself is on this machine, and needs none."""
    server = serve(Guarded(image, 'Bearer realm="http://192.0.2.9/t"', lambda header: False))
    cli.login(server.host, "me", "secret")
    assert "has no TLS, and is not on this machine" in cli.refuse("pull", f"{server.host}/box:1")


# --- files of passwords ---

@pytest.mark.parametrize("where", ["{run}/containers/auth.json", "{config}/containers/auth.json", "{home}/.docker/config.json"])
@pytest.mark.parametrize("key", ["{host}", "{host}/a", "{host}/a/box", "https://{host}/v1/", "http://{host}"])
def test_where_passwords_are(cli, serve, image, where, key):
    server = serve(Guarded(image, "Basic realm=x", lambda header: header == basic("me", "secret")))
    path = where.format(run=cli.folder / "run", config=cli.config, home=cli.home)
    os.makedirs(os.path.dirname(path))
    others = {f"{server.host}/a/bo": "other", "127.0.0.1": "other", "docker.io": "other", f"{server.host}/b": "other"}
    auths = {**{k: {"auth": basic("me", v).split()[1]} for k, v in others.items()},
             key.format(host=server.host): {"auth": basic("me", "secret").split()[1]}}
    with open(path, "w") as file:
        json.dump({"auths": auths, "HttpHeaders": {}, "currentContext": "x"}, file)
    cli("pull", f"{server.host}/a/box:1").ok()
    said = cli.refuse("pull", f"{server.host}/b/box:1")
    assert "401" in said and "other" not in said and "secret" not in said


def test_helpers(cli, serve, image, tmp_path):
    server = serve(Guarded(image, "Basic realm=x", lambda header: header == basic("me", "secret")))
    helper = tmp_path / "docker-credential-test"
    helper.write_text(f"#!/bin/sh\nread host\necho \"$1 $host\" >>{tmp_path}/asked\n"
                      "[ \"$host\" = 127.0.0.9 ] && exit 1\n"
                      "echo '{\"ServerURL\":\"x\",\"Username\":\"me\",\"Secret\":\"secret\"}'\n")
    helper.chmod(0o755)
    path = cli.config / "containers/auth.json"
    path.parent.mkdir(parents=True)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for document in ({"credHelpers": {server.host: "test"}}, {"credsStore": "test"}):
        path.write_text(json.dumps(document))
        cli("pull", f"{server.host}/box:1", env=env).ok()
        cli("rmi", f"{server.host}/box:1").ok()
    assert (tmp_path / "asked").read_text() == f"get {server.host}\n" * 2
    path.write_text(json.dumps({"credsStore": "absent"}))
    assert "docker-credential-absent" in cli.refuse("pull", f"{server.host}/box:1", env=env)
    path.write_text(json.dumps({"credsStore": "../../bin/test"}))
    assert "no name of a credential helper" in cli.refuse("pull", f"{server.host}/box:1", env=env)


def test_files_that_are_wrong(cli, serve, image, tmp_path):
    server = serve(Guarded(image, "Basic realm=x", lambda header: False))
    file = tmp_path / "auth.json"
    for text in ("{", '{"auths": 5}', '{"auths": {"%s": {"auth": "!!"}}}' % server.host,
                 '{"auths": {"%s": {"auth": "bm9jb2xvbg=="}}}' % server.host):
        file.write_text(text)
        assert str(file) in cli.refuse("pull", "--authfile", file, f"{server.host}/box:1")
    file.unlink()
    assert str(file) in cli.refuse("pull", "--authfile", file, f"{server.host}/box:1")


def test_an_identity_token_stands_for_a_password(cli, serve, image, tmp_path):
    tokens = serve(lambda h, a: h.reply(200, {"access_token": "good"}))
    server = serve(Guarded(image, f'Bearer realm="{tokens.url}/t",service=s', lambda header: header == "Bearer good"))
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {server.host: {"auth": basic("me", "").split()[1], "identitytoken": "long=life"}}}))
    cli("pull", "--authfile", file, f"{server.host}/box:1").ok()
    [asked] = tokens.asked
    assert asked.method == "POST" and asked.header("Authorization") is None
    assert b"refresh_token=long%3Dlife" in asked.body and b"grant_type=refresh_token" in asked.body


def test_passwords_are_seen_by_nobody(cli, serve, image):
    """Not among the arguments, and not in what the process may be read by."""
    seen = []

    class Looking(Guarded):
        def __call__(self, handler, asked):
            for one in os.listdir("/proc"):
                if one.isdigit():
                    try:
                        with open(f"/proc/{one}/cmdline", "rb") as file:
                            words = file.read()
                        if b"corten-remote" in words and cli.word.encode() not in words:
                            seen.append((words, stat.S_IMODE(os.stat(f"/proc/{one}/environ").st_mode)))
                    except OSError:
                        pass
            return super().__call__(handler, asked)

    server = serve(Looking(image, "Basic realm=x", lambda header: header == basic("me", "secret")))
    cli.login(server.host, "me", "secret")
    cli("pull", f"{server.host}/box:1").ok()
    mine = [words for words, _ in seen if server.host.encode() in words]
    assert mine and all(b"secret" not in words for words in mine)


# --- login and logout ---

def auths(path):
    return json.loads(path.read_text())["auths"]


def test_login_tries_and_keeps(cli, serve, image):
    server = serve(Guarded(image, "Basic realm=x", lambda header: header == basic("me", "se:cret")))
    kept = cli.folder / "run/containers/auth.json"
    said = cli.refuse("login", "-u", "me", "--password-stdin", server.host, stdin="wrong\n")
    assert "401 Unauthorized" in said and not kept.exists()
    done = cli("login", "-u", "me", "--password-stdin", server.host, stdin="se:cret\n")
    assert done.ok() == "Login Succeeded!\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert auths(kept) == {server.host: {"auth": basic("me", "se:cret").split()[1]}}
    assert cli("login", "--get-login", server.host).ok() == "me\n"
    cli("pull", f"{server.host}/box:1").ok()
    assert cli("logout", server.host).ok() == f"Removed login credentials for {server.host}\n"
    assert auths(kept) == {}
    assert "not logged in" in cli.refuse("logout", server.host)
    assert "not logged in" in cli.refuse("login", "--get-login", server.host)
    assert {asked.path for asked in server.asked[:2]} == {"/v2/"}


def test_login_with_a_token_server(cli, serve, image):
    tokens = serve(lambda h, a: h.reply(200, {"token": "good"}) if a.header("Authorization") == basic("me", "secret")
                   else h.reply(401, {"details": "incorrect username or password"}))
    server = serve(Guarded(image, f'Bearer realm="{tokens.url}/t",service=s', lambda header: header == "Bearer good"))
    said = cli.refuse("login", "-u", "me", "-p", "wrong", server.host)
    assert "incorrect username or password" in said
    cli("login", "-u", "me", "-p", "secret", server.host).ok()
    assert all("scope" not in path for path in tokens.paths())
    cli("pull", f"{server.host}/box:1").ok()


def test_login_leaves_the_rest_of_the_file_alone(cli, serve, image, tmp_path):
    server = serve(Guarded(image, "Basic realm=x", lambda header: header == basic("me", "secret")))
    file = tmp_path / "deep/er/auth.json"
    file.parent.mkdir(parents=True)
    before = {"HttpHeaders": {"X": ["y", 1.5, None]}, "auths": {"other": {"auth": "eDp5", "more": [True]}, server.host: {}}, "psFormat": "\u00e4\n"}
    file.write_text(json.dumps(before))
    cli("login", "--authfile", file, "-u", "me", "-p", "secret", server.host).ok()
    after = json.loads(file.read_text())
    assert after.pop("auths") == {"other": {"auth": "eDp5", "more": [True]}, server.host: {"auth": basic("me", "secret").split()[1]}}
    assert after == {k: v for k, v in before.items() if k != "auths"}
    cli("logout", "--authfile", file, "--all").ok()
    assert auths(file) == {} and json.loads(file.read_text())["psFormat"] == "\u00e4\n"
    file.write_text("{")
    assert str(file) in cli.refuse("login", "--authfile", file, "-u", "me", "-p", "secret", server.host)
    assert file.read_text() == "{"


def test_login_tells_a_helper(cli, serve, image, tmp_path):
    server = serve(Guarded(image, "Basic realm=x", lambda header: header == basic("me", "secret")))
    helper = tmp_path / "docker-credential-test"
    helper.write_text(f"#!/bin/sh\necho \"$1 $(cat)\" >>{tmp_path}/told\n")
    helper.chmod(0o755)
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"credHelpers": {server.host: "test"}}))
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    cli("login", "--authfile", file, "-u", "me", "-p", "secret", server.host, env=env).ok()
    cli("logout", "--authfile", file, server.host, env=env).ok()
    store, erase = (tmp_path / "told").read_text().splitlines()
    assert store.startswith("store ")
    assert json.loads(store.removeprefix("store ")) == {"ServerURL": server.host, "Username": "me", "Secret": "secret"}
    assert erase == f"erase {server.host}"
    assert "secret" not in file.read_text()


def test_login_says_what_it_lacks(cli):
    assert "--username" in cli.refuse("login", "--password-stdin", "127.0.0.1:1", stdin="x")
    assert "--password-stdin" in cli.refuse("login", "127.0.0.1:1")
    assert "is no registry" in cli.refuse("login", "-u", "a", "-p", "b", "nohost")
    assert "is no registry" in cli.refuse("login", "-u", "a", "-p", "b", "")
    assert "no user name" in cli.refuse("login", "-u", "a:b", "-p", "b", "127.0.0.1:1")
    assert "--offline" in cli.refuse("--offline", "login", "-u", "a", "-p", "b", "127.0.0.1:1")
    done = cli("login", "-u", "a", "-p", "b", "127.0.0.1:1")
    assert done.status == 1 and "127.0.0.1:1" in done.err
