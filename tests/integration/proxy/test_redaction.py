"""No record carries a secret, wherever in an exchange it stands."""

import json
from typing import Any

import pytest

from tests.support import behaviour
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.rawclient import RawClient, request

SECRET = "hunter2"
REDACT = {"headers": ["authorization", "set-cookie"], "json": ["$..password", "$..access_token"]}
ROUTES = [{"method": None, "path": "/reset/{password}", "writes": None, "mirror": True, "compare": None}]
FAR = "x" * 150
"""So that the excerpt of a difference begins behind the name."""

BODIES = {
    "json": ("application/json", '{"n": "%s", "user": {"password": "hunter2"}}'),
    "a string of json": ("application/json", '{"n": "%s", "url": "https://h/?a=1&access_token=hunter2-%s"}'),
    "broken json": ("application/json", '{"password": "hunter2%s'),
    "form": ("application/x-www-form-urlencoded", "n=%s&user[password]=hunter2"),
    "multipart": (
        "multipart/form-data; boundary=b",
        '--b\r\ncontent-disposition: form-data; name="password"\r\n\r\nhunter2%s\r\n--b--\r\n',
    ),
    "text": ("text/plain", "a\npassword=hunter2-%s\nb"),
    "quoted": ("text/javascript", f'var user = {{"{FAR}": 1, "password": "{FAR} hunter2-%s"}};'),
    "element": ("application/xml", "<user>\n<password>\nhunter2-%s\n</password>\n</user>"),
    "input": ("text/html", f'<p><input name="password" class="{FAR}" value="hunter2-%s"></p>'),
    "csv": ("text/csv", "name,password\njo,hunter2-%s\n"),
    "block": ("text/yaml", "password: |\n  first\n  hunter2-%s\nn: 1"),
}


@pytest.mark.parametrize(("content_type", "body"), BODIES.values(), ids=BODIES)
def test_no_body_shows_it(upstreams: Upstreams, start_proxy: StartProxy, content_type: str, body: str) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate", redact=REDACT)

    def filled(by: str) -> bytes:
        return body.replace("%s", by).encode()

    for origin in upstreams.both:
        origin.on("/x", behaviour.reply(body=filled(origin.name), content_type=content_type))
    with RawClient(proxy.address) as client:
        client.send(request("/x", "POST", {"content-type": content_type}, filled("sent")))
        assert SECRET.encode() in client.answer().body
    (record,) = proxy.wait_records()
    assert record["outcome"] == "mismatch"
    assert record["differences"]
    assert "[redacted]" in json.dumps([record["request"]["body"], record["old"]["body"], record["new"]["body"]])
    assert SECRET not in json.dumps(record)


@pytest.mark.parametrize("nameless", ["hunter2", "hunter2==", "hunter2="])
def test_cookies_that_differ_are_named_without_their_values(
    upstreams: Upstreams, start_proxy: StartProxy, nameless: str
) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, redact=REDACT)
    upstreams.old.on("/x", behaviour.reply(headers={"set-cookie": "session=hunter2; Path=/"}))
    upstreams.new.on("/x", behaviour.reply(headers={"set-cookie": f"{nameless}; Path=/"}))
    with RawClient(proxy.address) as client:
        client.send(request("/x"))
        assert client.answer().status == 200
    (record,) = proxy.wait_records()
    (difference,) = record["differences"]
    assert difference["location"] == "header:set-cookie"
    assert (difference["old"], difference["new"]) == ("session", "(no name)")
    assert SECRET not in json.dumps(record)


def test_no_header_and_no_target_shows_it(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, redact=REDACT, routes=ROUTES)
    for origin in upstreams.both:
        headers: dict[str, Any] = {
            "location": f"https://jo:hunter2@h/?password=hunter2&by={origin.name}#access_token=hunter2&state=1",
            "content-location": "/a#access_token=hunter2",
            "link": '<https://h/?p%61ssword=hunter2>; rel="next"',
            "set-cookie": "session=hunter2; Path=/",
            "x-set-cookie": "a=1; password=hunter2; Path=/",
        }
        origin.on("/reset/hunter2", behaviour.reply(302, headers=headers))
    with RawClient(proxy.address) as client:
        head = {
            "authorization": "Bearer hunter2",
            "cookie": "a=1; access_token=hunter2; b=2",
            "referer": "http://h/in?password=hunter2&page=2",
        }
        client.send(request("/reset/hunter2?password=hunter2&page=3", headers=head))
        assert client.answer().status == 302
    (record,) = proxy.wait_records()
    assert record["request"]["target"] == "/reset/[redacted]?password=[redacted]&page=3"
    assert ["cookie", "a=1; access_token=[redacted]; b=2"] in record["request"]["headers"]
    (difference,) = record["differences"]
    assert difference["location"] == "header:location"
    assert difference["old"] == "https://[redacted]@h/?password=[redacted]&by=old#access_token=[redacted]&state=1"
    assert SECRET not in json.dumps(record)
