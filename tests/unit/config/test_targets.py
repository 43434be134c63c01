"""What of the URL of somebody who is told may be shown, and what is wrong with one."""

import pytest

from parallelrun.config.targets import check_target, scrubbed, shown, webhook_key, webhook_url

TOKENS = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"slack://{TOKENS}", "slack://"),
        (f"https://hooks.slack.com/services/{TOKENS}", "slack://"),
        ("ntfy://a-topic-nobody-guesses", "ntfy://"),
        ("mailto://user:password@example.org?to=ops@example.org", "mailto://example.org"),
        ("json://user:password@host.example:8000/token?x=token", "json://host.example"),
        ("webhook+https://user:password@host.example:8000/token?x=token", "webhook+https://host.example"),
        ("WEBHOOK+HTTP://host.example", "webhook+http://host.example"),
    ],
)
def test_only_scheme_and_host_are_shown(url: str, expected: str) -> None:
    check_target(url)
    assert shown(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "expected an Apprise URL"),
        ("slack:/x", "expected an Apprise URL"),
        ("foo://x", "unknown scheme foo://"),
        ("webhok+https://x", "unknown scheme webhok+https://; did you mean webhook+https://?"),
        ("json://", "json://: the host or a part is missing"),
        ("slack://hunter2", "slack://: Apprise says: "),
        ("https://hunter2.example/hunter2", "https://: no service that Apprise knows"),
        ("webhook+https://", "expected webhook+https://HOST/PATH"),
        ("webhook+https://host:99999/", "expected webhook+https://HOST/PATH"),
        ("webhook+https://host/a b", "expected webhook+https://HOST/PATH"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match="^" + expected.replace("?", r"\?").replace("+", r"\+")) as wrong:
        check_target(url)
    assert "hunter2" not in str(wrong.value)


def test_where_the_json_goes() -> None:
    assert webhook_url("webhook+https://u:p@h:8/x?y=1") == "https://u:p@h:8/x?y=1"


def test_the_key_of_a_webhook() -> None:
    assert webhook_key("whsec_" + "A" * 32) == bytes(24)
    for wrong in ("A" * 32, "whsec_", "whsec_" + "A" * 28, "whsec_" + "A" * 88, "whsec_" + "!" * 32):
        with pytest.raises(ValueError, match=r"^expected `whsec_` and 24 to 64 random bytes in base64"):
            webhook_key(wrong)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("mailto://user:p%40ss%20word@smtp.example?to=a@b.c", ("user", "p%40ss%20word", "p@ss word", "smtp.example")),
        ("slack://bot@tokA/tokB/tokC/#room", ("tokA", "tokB", "tokC", "room")),
        ("webhook+https://user:password@host.example/token", ("user", "password", "token")),
    ],
)
def test_parts_of_a_url_are_taken_out_of_a_text(url: str, secrets: tuple[str, ...]) -> None:
    text = scrubbed(f"failed: {url}\n and {' '.join(secrets)} at host.example: refused", url)
    assert not [secret for secret in secrets if secret in text]
    assert text.startswith("failed: ")
    assert text.endswith("at host.example: refused")
