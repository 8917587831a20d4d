"""What the server answers, and what it adds to pages."""

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from atlas.commands import cli
from atlas.commands.serving import Live, answer, server, with_script
from atlas.site.render.base import POLICY

TEMPLATES = Path(__file__).parents[2] / "templates"
META = '<head><meta http-equiv="Content-Security-Policy" content="{}"></head><p>'


@pytest.fixture
def live(tmp_path: Path) -> Live:
    out = tmp_path / "out"
    (out / "demo" / "conv 1").mkdir(parents=True)
    (out / ".building-demo").mkdir()
    (tmp_path / "secret.html").write_text("secret")
    (out / ".building-demo" / "index.html").write_text("secret")
    (out / "link").symlink_to(tmp_path)
    (out / "index.html").write_text("<head></head>home")
    (out / "404.html").write_text("<head></head>not found")
    (out / "demo" / "conv 1" / "index.html").write_text("<head></head>layer")
    for name in ("3.webp", "a.css", "a.js", "a.json", "a.svg", "objects.inv"):
        (out / "demo" / name).write_bytes(b"x")
    return Live(out, "7")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html?x=1", "text/html; charset=utf-8"),
        ("/demo/conv%201/", "text/html; charset=utf-8"),
        ("/demo/3.webp", "image/webp"),
        ("/demo/a.css", "text/css; charset=utf-8"),
        ("/demo/a.js", "text/javascript; charset=utf-8"),
        ("/demo/a.json", "application/json; charset=utf-8"),
        ("/demo/a.svg", "image/svg+xml; charset=utf-8"),
        ("/demo/objects.inv", "application/octet-stream"),
        ("/.reload", "application/json"),
        ("/.reload.js", "text/javascript"),
    ],
)
def test_a_file_has_its_type(live: Live, path: str, kind: str) -> None:
    found = answer(live, path)
    assert (found.status, found.kind) == (HTTPStatus.OK, kind)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.html",
        "/%2e%2e/secret.html",
        "/demo/..%2f..%2fsecret.html",
        "/demo/..\\..\\secret.html",
        "//../secret.html",
        "/link/secret.html",
        "/.building-demo/index.html",
        "/%2Ebuilding-demo/",
        "/demo/",
        "/index.html%00",
        "/none.html",
        "/index.html/more",
    ],
)
def test_what_is_not_the_sites_is_not_found(live: Live, path: str) -> None:
    found = answer(live, path)
    assert found.status == HTTPStatus.NOT_FOUND
    assert b"secret" not in found.content and b"not found" in found.content


def test_a_folder_is_shown_where_its_links_start(live: Live) -> None:
    assert answer(live, "/demo/conv%201").location == "/demo/conv%201/"
    assert answer(live, "//demo").location == "/demo/"  # and on no other host


def test_pages_alone_have_the_script_and_the_file_stays_as_it_is(live: Live) -> None:
    page = answer(live, "/").content.decode()
    assert '<script src="/.reload.js" data-version="7" defer></script>' in page
    assert "reload" in answer(live, "/none.html").content.decode()
    assert (live.out / "index.html").read_text() == "<head></head>home"
    assert answer(live, "/demo/a.svg").content == b"x"


@pytest.mark.parametrize("name", ["base.html", "embed.html"])
def test_the_policy_of_served_pages_lets_the_script_work(name: str) -> None:
    page = (TEMPLATES / name).read_text().replace("{{ base.head.policy | safe }}", POLICY)
    policy = re.search(r'Policy" content="([^"]*)"', with_script(page, "1"))
    assert policy
    words = policy[1].split("; ")
    assert "script-src 'self'" in words and "connect-src 'self'" in words
    assert "default-src 'none'" in words and "style-src 'self'" in words  # and nothing else
    assert len({one.split()[0] for one in words}) == len(words)


def test_a_policy_that_forbids_scripts_allows_the_sites_own() -> None:
    page = with_script(META.format("script-src 'none'; connect-src https://a.b"), "1")
    assert "script-src 'self'; connect-src 'self' https://a.b" in page


def test_before_anything_is_built_a_page_says_what_is_wrong(tmp_path: Path) -> None:
    found = answer(Live(tmp_path / "none", "1", "notes/<a>.md:3: no"), "/")
    assert found.status == HTTPStatus.NOT_FOUND
    assert b"notes/&lt;a&gt;.md:3: no" in found.content and b".reload.js" in found.content


@pytest.fixture
def served(live: Live) -> Iterator[http.client.HTTPConnection]:
    with server(live, 0) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield http.client.HTTPConnection("127.0.0.1", one.server_port, timeout=20)
        one.shutdown()


def test_only_reading_is_allowed_and_nothing_is_kept(served: http.client.HTTPConnection) -> None:
    lengths = []
    for method in ("GET", "HEAD"):
        served.request(method, "/index.html", headers={"If-Modified-Since": "now"})
        found = served.getresponse()
        assert found.status == 200 and found.headers["Cache-Control"] == "no-store"
        lengths.append((int(found.headers["Content-Length"]), len(found.read())))
    assert lengths[0][0] == lengths[0][1] == lengths[1][0] and lengths[1][1] == 0
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        served.request(method, "/index.html")
        refused = served.getresponse()
        refused.read()
        assert refused.status == 501


def test_a_page_of_another_host_can_not_ask(served: http.client.HTTPConnection) -> None:
    for host, status in (("evil.example:80", 403), ("localhost:1", 200), ("127.0.0.1", 200)):
        served.request("GET", "/", headers={"Host": host})
        found = served.getresponse()
        found.read()
        assert found.status == status, host


def test_a_port_that_cannot_be_had_is_told_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["serve", "--port", str(port), "--out", str(tmp_path / "out")]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"build.py: --port {port}: address already in use; choose another")
    assert cli.main(["serve", "--port", "65536"]) == 2
    assert "'65536' is no port" in capfd.readouterr().err
