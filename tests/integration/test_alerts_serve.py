"""Alerts of the real process: from a difference between two real origins to a signed message and a mail."""

import json
import subprocess
import sys
from pathlib import Path

from standardwebhooks.webhooks import Webhook

from tests.support import behaviour
from tests.support.fixtures import MakeOrigin, Upstreams
from tests.support.mail import PASSWORD, MailServer
from tests.support.rawclient import RawClient
from tests.support.serving import Serving
from tests.support.wait import wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


def test_a_difference_reaches_everybody_even_as_the_process_ends(
    upstreams: Upstreams, make_origin: MakeOrigin, tmp_path: Path
) -> None:
    receiver, dead, mail = make_origin("receiver"), make_origin("dead"), MailServer()
    dead.refuse()
    targets = [
        {"to": f"webhook+http://127.0.0.1:{receiver.port}/hook", "secret": SECRET},
        {"to": f"webhook+http://127.0.0.1:{dead.port}/hook?token={PASSWORD}", "secret": SECRET},
        {"to": mail.url},
    ]
    upstreams.old.on("/orders/1", behaviour.json('{"total": 10.5}'))
    upstreams.new.on("/orders/1", behaviour.json('{"total": 10.4}'))
    sides = ("--old", upstreams.old.url, "--new", upstreams.new.url)
    serving = Serving(*sides, directory=tmp_path, environment={"PARALLELRUN_ALERTS": json.dumps(targets)})
    try:
        with RawClient(serving.address) as client:
            assert client.ask("/orders/1").status == 200
        signature = serving.event("difference.new")["signature"]
        found = serving.get("/api/v1/status")["alerts"]
        hosts = [target["target"] for target in found["targets"]]
        assert hosts == ["webhook+http://127.0.0.1", "webhook+http://127.0.0.1 (2)", "mailto://127.0.0.1"]
        assert serving.stop() == 0
        (request,) = receiver.to("/hook")
        message = Webhook(SECRET).verify(request.body, {name: request.header(name) or "" for name in SIGNED})
        (alert,) = message["data"]["alerts"]
        assert alert["key"] == f"difference:{signature}"
        assert (alert["facts"]["old"], alert["facts"]["new"]) == ("10.5", "10.4")
        assert alert["facts"]["pair_id"]
        wait_until(lambda: mail.messages, "the mail")
        assert alert["facts"]["pair_id"] in mail.messages[0].get_content()
        assert serving.event("alert")["key"] == alert["key"]
        assert serving.event("alert.failing")["target"] == hosts[1]
        assert serving.event("alert.dropped") | {"time": ""} == {
            "time": "",
            "level": "error",
            "event": "alert.dropped",
            "target": hosts[1],
            "alerts": 1,
        }
        assert not [line for line in serving.lines if PASSWORD in line or SECRET in line]
    finally:
        serving.close()
        mail.close()


def test_a_process_that_tells_nobody_does_not_load_apprise() -> None:
    """It takes a third of a second, and some ten megabytes."""
    program = """
import sys
from parallelrun.config import Source
Source(None, {"old": "http://127.0.0.1:1", "new": "http://127.0.0.1:2"}, {}).load()
import parallelrun.cli, parallelrun.engine, parallelrun.web.app
assert "apprise" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
