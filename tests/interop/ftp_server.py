#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An FTP server on a free port of 127.0.0.1 for a test: one user, one folder, read and write (Debian: python3-pyftpdlib).

Usage: ftp_server.py FOLDER USER PASSWORD. Prints {"event":"ready","port":N}, then runs until its input ends.
"""
import json
import logging
import sys
import threading

try:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer
except ImportError:
    print(json.dumps({"event": "missing"}))
    sys.exit(0)


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    use_sendfile = False


def main(folder, user, password):
    logging.basicConfig(level=logging.ERROR)
    Handler.authorizer.add_user(user, password, folder, perm="elradfmwMT")
    server = FTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=lambda: (sys.stdin.read(), server.close_all()), daemon=True).start()
    print(json.dumps({"event": "ready", "port": server.address[1]}), flush=True)
    server.serve_forever(timeout=0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
