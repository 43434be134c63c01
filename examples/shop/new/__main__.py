"""Serves the new shop: `python -m shop.new --fd N`, on a listening socket that the launcher has opened.

The environment names its data: SHOP_DATABASE (a PostgreSQL URL) and SHOP_CACHE (a Valkey URL), and in
SHOP_REGRESSIONS the mistakes that it is to make.
"""

import os
import socket
import sys

import uvicorn
from valkey.asyncio import Valkey

from shop.new.app import create_app
from shop.new.database import pool

if __name__ == "__main__":
    app = create_app(pool(os.environ["SHOP_DATABASE"]), Valkey.from_url(os.environ["SHOP_CACHE"]))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=60))
    server.run(sockets=[socket.socket(fileno=int(sys.argv[2]))])
