"""Alerts of the real process: from a difference between two real origins to a signed message and a mail."""

import json
import subprocess
import sys
import urllib.request
from datetime import datetime
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
        (request,) = receiver.whole("/hook")
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


def test_the_breaker_and_a_dead_target_on_the_live_process(
    upstreams: Upstreams, make_origin: MakeOrigin, tmp_path: Path
) -> None:
    receiver, dead = make_origin("receiver"), make_origin("dead")
    dead.on("/hook", behaviour.reply(500))
    file = tmp_path / "p.yaml"
    file.write_text(f"""\
old: {upstreams.old.url}
new: {upstreams.new.url}
breaker: {{failures: 3}}
alerts:
  - {{to: "webhook+http://127.0.0.1:{receiver.port}/hook", secret: {SECRET}, min: critical}}
  - {{to: "webhook+http://127.0.0.1:{dead.port}/hook", secret: {SECRET}}}
""")
    serving = Serving("-c", str(file), directory=tmp_path)
    try:
        upstreams.new.refuse()
        with RawClient(serving.address) as client:
            for _ in range(3):
                assert client.ask("/").status == 200
        serving.event("breaker.opened")
        (request,) = wait_until(lambda: receiver.whole("/hook"), lambda: serving.lines)
        (alert,) = json.loads(request.body)["data"]["alerts"]
        assert (alert["key"], alert["status"], alert["severity"]) == ("breaker", "open", "critical")
        assert alert["facts"]["reason"]
        assert serving.event("alert.failing")["error"] == "answered 500"
        assert [one["key"] for one in serving.get("/api/v1/status")["alerts"]["open"]] == ["breaker"]
        host, port = serving.admin
        command = [sys.executable, "-m", "parallelrun", "doctor", "--admin", f"http://{host}:{port}"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 1
        assert "webhook+http://127.0.0.1 (2) has taken no alert since" in " ".join(ran.stdout.split())
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=20) as answer:
            metrics = answer.read().decode()
        assert 'parallelrun_alerts_total{severity="critical"} 1.0' in metrics
        assert 'parallelrun_alerts_queued{target="webhook+http://127.0.0.1 (2)"} 1.0' in metrics
        assert serving.stop() == 0
    finally:
        serving.close()


def test_sigterm_tells_a_target_that_is_up_again_at_once(
    upstreams: Upstreams, make_origin: MakeOrigin, tmp_path: Path
) -> None:
    receiver = make_origin("receiver")
    receiver.refuse()
    target = {"to": f"webhook+http://127.0.0.1:{receiver.port}/hook", "secret": SECRET}
    file = tmp_path / "p.yaml"
    file.write_text(json.dumps({"old": upstreams.old.url, "new": upstreams.new.url, "alerts": [target]}))
    serving = Serving("-c", str(file), directory=tmp_path)
    try:
        upstreams.new.refuse()
        with RawClient(serving.address) as client:
            wait_until(lambda: client.ask("/").status == 200 and serving.get("/api/v1/status")["breaker"]["opened"])

        def waits_long() -> bool:
            """Until the next try there is more time than a stop takes."""
            found = serving.get("/api/v1/status")
            next_try = found["alerts"]["targets"][0]["next_try_at"]
            return bool(next_try) and _seconds_between(found["time"], next_try) > 1.5

        wait_until(waits_long, lambda: serving.lines)
        receiver.listen()
        assert serving.stop() == 0
        (request,) = receiver.whole("/hook")
        message = Webhook(SECRET).verify(request.body, {name: request.header(name) or "" for name in SIGNED})
        assert [alert["key"] for alert in message["data"]["alerts"]] == ["breaker"]
        assert "alert.dropped" not in [event["event"] for event in serving.events]
        assert serving.event("stopped")["seconds"] < 5
    finally:
        serving.close()


def _seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


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
