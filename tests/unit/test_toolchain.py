"""The Rust version that we say is enough is enough for what we build on."""

import json
import re
import subprocess
import tomllib

from tests.support.repository import ROOT


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))[:2]


def declared() -> str:
    return str(tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"])


def test_no_dependency_asks_for_a_newer_rust_than_we_declare() -> None:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    packages = json.loads(output)["packages"]
    assert len(packages) > 50, "the dependencies were not listed"
    too_new = {
        f"{package['name']} {package['version']}": package["rust_version"]
        for package in packages
        if package["rust_version"] and version(package["rust_version"]) > version(declared())
    }
    assert not too_new


def test_the_docs_name_the_declared_version() -> None:
    for page in ("CONTRIBUTING.md", "docs/start/install.md"):
        assert re.findall(r"Rust toolchain \((\d+\.\d+) or newer", (ROOT / page).read_text()) == [declared()], page


def test_there_is_one_tls_provider() -> None:
    """With two of them, rustls has no default, and whoever asks for it panics."""
    packages = {package["name"] for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    assert "ring" in packages
    assert packages.isdisjoint({"aws-lc-rs", "aws-lc-sys", "openssl-sys"})


def test_the_tests_run_on_a_debug_build() -> None:
    """hyper holds the length it was told against the body it gets in debug builds only."""
    (needs,) = re.findall(r"^test: (.+?)##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "core-dev.stamp" in needs
    assert "debug-assertions" not in tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["dev"]
