"""How a message gets to a target: as JSON to a webhook, or in words through Apprise."""

import time
from typing import Protocol

from parallelrun.alerts import text, webhook
from parallelrun.alerts.alert import Message
from parallelrun.config import Config
from parallelrun.config.alerts import Alert
from parallelrun.config.targets import is_webhook, scrubbed, service, webhook_key, webhook_url
from parallelrun.evidence.threads import in_thread

ANSWER_S = 10.0
"""How long a webhook may be silent, in seconds."""


class SendError(Exception):
    """The target did not take the message. Its text is one line without secrets."""


class Sender(Protocol):
    """The way to one target."""

    async def send(self, message: Message) -> None:
        """Returns once the target has taken the message.

        Raises:
            SendError: it has not, or not surely.
        """


def sender(target: Alert, config: Config, version: str) -> Sender:
    """The way to a target, for the alerts of a parallelrun with these settings."""
    url = target.to.get_secret_value()
    if not is_webhook(url):
        return ThroughApprise(url, f"parallelrun {version}: old {config.old.url}, new {config.new.url}")
    secret = target.secret.get_secret_value() if target.secret else ""
    origin = {"version": version, "old": config.old.url, "new": config.new.url}
    return ToWebhook(url, webhook_key(secret), origin)


class ToWebhook:
    """Posts signed JSON; any answer 2xx means that the message was taken."""

    def __init__(self, url: str, key: bytes, origin: dict[str, str]) -> None:
        self._url = url
        self._key = key
        self._origin = origin

    async def send(self, message: Message) -> None:
        import httpx  # noqa: PLC0415 - `config check` needs none of it

        body = webhook.payload(message, self._origin)
        head = webhook.headers(message, body, self._key, int(time.time()))
        url = webhook_url(self._url)
        try:
            async with (
                # To read all certificates takes the event loop some milliseconds; plain HTTP needs none.
                httpx.AsyncClient(timeout=ANSWER_S, verify=url.startswith("https:")) as client,
                client.stream("POST", url, content=body, headers=head) as answer,
            ):
                status = answer.status_code
        except httpx.TimeoutException:
            raise SendError(f"no answer within {ANSWER_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise SendError(scrubbed(str(error) or type(error).__name__, self._url)) from None
        if not 200 <= status < 300:
            raise SendError(f"answered {status}")


class ThroughApprise:
    """Tells a service in words. Apprise blocks, so each message has a thread; never two of one target at once."""

    def __init__(self, url: str, origin: str) -> None:
        self._url = url
        self._origin = origin
        self._busy = False

    async def send(self, message: Message) -> None:
        if self._busy:
            raise SendError("the try before this one still hangs")
        self._busy = True
        error = await in_thread(lambda: self._send(message))
        if error:
            raise SendError(error)

    def _send(self, message: Message) -> str | None:
        try:
            return self._notify(message)
        except Exception as error:  # any of 130 plugins
            return scrubbed(f"{type(error).__name__}: {error}", self._url)
        finally:
            self._busy = False

    def _notify(self, message: Message) -> str | None:
        """Why it was not taken; None where it was."""
        import apprise  # noqa: PLC0415

        found = service(self._url)
        if "overflow=" not in self._url.lower():
            found.overflow_mode = apprise.OverflowMode.SPLIT
        kinds = {
            "info": apprise.NotifyType.INFO,
            "warning": apprise.NotifyType.WARNING,
            "critical": apprise.NotifyType.FAILURE,
        }
        telling = apprise.Apprise()
        telling.add(found)
        result = telling.notify(
            title=f"parallelrun: {text.title(message)}",
            body=text.body(message, self._origin),
            notify_type=apprise.NotifyType.SUCCESS if message.resolved else kinds[message.severity],
            body_format=apprise.NotifyFormat.TEXT,
        )
        if result:
            return None
        said = [entry.message for entry in result.logs() if entry.level in ("WARNING", "ERROR")]
        return scrubbed(said[-1] if said else "not delivered", self._url)
