"""Serves the old shop: `python -m shop.old --fd N`, on a listening socket that the launcher has opened.

The environment names its data: SHOP_DATABASE (a PostgreSQL URL) and SHOP_CACHE (a Valkey URL).
"""

import os
import socket
import sys

import waitress
from valkey import Valkey

from shop.old.app import create_app
from shop.old.store import Store, connect

if __name__ == "__main__":
    store = Store(connect(os.environ["SHOP_DATABASE"]), Valkey.from_url(os.environ["SHOP_CACHE"]))
    waitress.serve(create_app(store), sockets=[socket.socket(fileno=int(sys.argv[2]))], threads=8)
