"""An S3 server on loopback that is busy at times and cuts one upload: moto, with faults in front.

    python -m tests.artifacts.faulty_s3 FRACTION CUT

Answers the FRACTION of requests with 503, drawn by a seeded generator, and cuts the connection of
the first upload of more than CUT bytes in its middle. Prints its port. `GET /faults` returns how
many requests came, were refused and were cut. It ends when its standard input does.
"""

import json
import random
import sys
import threading
from collections import Counter
from typing import Any

BUSY = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code>"
    b"<Message>Please reduce your request rate.</Message></Error>"
)


class Faults:
    """Stands between a client and the server's application."""

    def __init__(self, application: Any, fraction: float, cut: int) -> None:
        self.application = application
        self.fraction = fraction
        self.cut = cut
        self.draw = random.Random(24)
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/faults":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.counts).encode()]
        size = int(environ.get("CONTENT_LENGTH") or 0)
        with self.lock:
            self.counts["requests"] += 1
            self.counts[environ["REQUEST_METHOD"]] += 1
            is_cut = size > self.cut and not self.counts["cut"]
            is_refused = not is_cut and self.draw.random() < self.fraction
            self.counts["cut"] += is_cut
            self.counts["refused"] += is_refused
        if is_cut:
            environ["wsgi.input"].read(size // 2)
            environ["werkzeug.socket"].close()
            raise ConnectionAbortedError("cut")
        if is_refused:
            environ["wsgi.input"].read(size)
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [BUSY]
        return self.application(environ, start_response)


def main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    fraction, cut = float(sys.argv[1]), int(sys.argv[2])
    faults = Faults(DomainDispatcherApplication(create_backend_app), fraction, cut)
    server = make_server("127.0.0.1", 0, faults, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
