"""Which settings differ."""

from parallelrun.config.changes import changed_keys, fixed_changes
from parallelrun.config.snapshot import FIXED
from tests.unit.config.given import config


def test_changed_keys_are_named_by_their_path() -> None:
    before = config()
    after = config(sample="1%", limits={"body": "2MiB"}, tls={"cert": "a", "key": "b"}, redact={"json": []})
    assert set(changed_keys(before, after)) == {"sample", "limits.body", "tls", "redact.json"}
    assert not list(changed_keys(before, config()))


def test_what_only_a_new_process_takes_over() -> None:
    after = config(
        listen="127.0.0.1:9", sample="1%", admin={"token": "x", "listen": "127.0.0.1:7"}, limits={"uri": "1KiB"}
    )
    assert set(fixed_changes(config(), after, FIXED)) == {"listen", "admin.listen", "limits.uri"}
