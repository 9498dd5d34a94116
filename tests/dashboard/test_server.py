"""The server answers this machine alone, reads only, and ends cleanly."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading

import pytest

from afml_cache import robust_cacheable
from afml_cache.dashboard.look import look
from afml_cache.dashboard.server import DashboardServer

pytest.importorskip("plotly", reason="the page is drawn by plotly")


@robust_cacheable
def labels(number):
    return number


@pytest.fixture
def server(store):
    labels(1), labels(1)
    store.close()  # a server is a process of its own, which computes nothing
    with DashboardServer(lambda: look(store.directory), rest=0) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """A request as a client on this machine makes it; the answer and its body."""

    def send(method="GET", path="/document.json", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    return send


def test_the_page_and_its_numbers_are_served(store, ask):
    answer, body = ask(path="/")
    assert answer.status == 200 and answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert body.startswith(b"<!doctype html>") and labels.identity.encode() in body.replace(
        b"<wbr>", b""
    )
    answer, body = ask()
    assert answer.status == 200 and answer.getheader("Content-Type") == "application/json"
    document = json.loads(body)
    assert document["plots"].keys() == {"hours", "saved", "cost", "rates", "reasons", "sizes"}
    assert "1 of 2 calls" in document["parts"]["totals"]


def test_numbers_that_are_the_same_are_not_sent_again(store, ask):
    tag = ask()[0].getheader("ETag")
    answer, body = ask(**{"If-None-Match": tag})
    assert (answer.status, body, answer.getheader("ETag")) == (304, b"", tag)
    labels(2)
    store.close()
    answer, body = ask(**{"If-None-Match": tag})
    assert answer.status == 200 and answer.getheader("ETag") != tag
    assert "1 of 3 calls" in json.loads(body)["parts"]["totals"]


@pytest.mark.parametrize("path", ["/", "/document.json", "/nothing"])
def test_every_answer_is_under_a_strict_policy(ask, path):
    answer, _ = ask(path=path)
    policy = answer.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "connect-src 'self'" in policy and "unsafe-eval" not in policy
    (scripts,) = [rule for rule in policy.split("; ") if rule.startswith("script-src")]
    assert "unsafe-inline" not in scripts and scripts.count("'sha256-") == 2
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Access-Control-Allow-Origin") is None
    assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1"]
)
def test_a_name_that_is_not_this_machines_gets_nothing(server, ask, host):
    answer, body = ask(path="/", Host=host.format(port=server.server_address[1]))
    assert answer.status == 421 and labels.identity.encode() not in body


def test_localhost_is_this_machine(server, ask):
    assert ask(Host=f"localhost:{server.server_address[1]}")[0].status == 200


def test_a_request_without_a_host_or_with_two_gets_nothing(server):
    port = server.server_address[1]
    for headers in (b"", f"Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n".encode()):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n" + headers + b"\r\n")
            assert plain.makefile("rb").readline().split()[1] == b"421"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_everything_but_get_and_head_is_refused(ask, method):
    answer, _ = ask(method)
    assert answer.status == 405 and answer.getheader("Allow") == "GET, HEAD"


def test_a_method_that_does_not_exist_is_refused(ask):
    assert ask("BREW")[0].status == 501


def test_head_has_the_headers_and_no_body(ask):
    answer, body = ask("HEAD", "/")
    assert answer.status == 200 and body == b""
    assert int(answer.getheader("Content-Length")) > 1_000_000


@pytest.mark.parametrize("path", ["/index.sqlite", "/../index.sqlite", "/document.json?x"])
def test_there_is_nothing_else(ask, path):
    assert ask(path=path)[0].status == 404


def test_after_a_look_the_next_has_to_wait_however_many_ask(store):
    store.counters()
    looks = []

    def counted():
        looks.append(1)
        return look(store.directory)

    with DashboardServer(counted, rest=1e6) as server:
        first = server.document()
        assert server.document() == first and server.page() and looks == [1]
    with DashboardServer(counted, rest=0) as server:
        assert server.document() == server.document() and looks == [1, 1, 1]


def test_a_cache_that_cannot_be_read_is_told_and_the_next_look_may_be_better(ask, server):
    usual = server._look

    def broken():
        raise OSError("the disk is gone")

    server._look = broken
    answer, body = ask()
    assert answer.status == 500 and b"the disk is gone" in body
    server._look = usual
    assert ask()[0].status == 200


def test_it_listens_on_the_loopback_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_serving_writes_nothing_to_the_cache(store, ask):
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in store.directory.rglob("*")}
    assert ask(path="/")[0].status == ask()[0].status == 200
    assert {
        p: (p.stat().st_mtime_ns, p.stat().st_size) for p in store.directory.rglob("*")
    } == before


def test_many_ask_at_once_while_another_process_computes(store, ask, start_python):
    worker = start_python("""
        from afml_cache import robust_cacheable
        @robust_cacheable
        def features(number):
            return number
        print("begun", flush=True)
        for number in range(400):
            features(number), features(number)
        from afml_cache.store.active import active
        active().flush()
        print("done", flush=True)
        input()
    """)
    assert worker.stdout.readline() == "begun\n"
    found: list[int] = []

    def look_often():
        for _ in range(5):
            answer, body = ask()
            assert answer.status == 200 and json.loads(body)["parts"]
            found.append(answer.status)

    threads = [threading.Thread(target=look_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 20
    assert worker.stdout.readline() == "done\n"
    assert "401 of 802 calls" in json.loads(ask()[1])["parts"]["totals"]


def test_ctrl_c_ends_it_with_0_and_no_traceback(store, environment):
    labels(1)
    store.flush()
    as_on_a_terminal = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from afml_cache.cli import main; main(['dashboard', '--serve'])"
    )  # whoever runs the tests may have it ignored
    serving = subprocess.Popen(
        [sys.executable, "-c", as_on_a_terminal],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        line = serving.stdout.readline()
        assert line.startswith("The dashboard is at http://127.0.0.1:")
        port = int(line.split("127.0.0.1:")[1].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/document.json")
        assert connection.getresponse().status == 200
        serving.send_signal(signal.SIGINT)
        said, errors = serving.communicate(timeout=60)
    finally:
        serving.kill()
    assert (serving.returncode, errors) == (0, "") and said.strip() == "Ended."
