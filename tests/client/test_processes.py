"""Servers that end, are ended, fork, and lose their database: what of their rows arrives."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.client.logs import ids_in, rows_in, start

SERVER = """
    import http.server, signal, sys, threading
    from monitoring_tasks.client import Buffering, PredictionLog

    log = PredictionLog(sys.argv[1], buffering=Buffering(interval=3600))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            log.append(int(self.path[1:]), 0.5, {"x": 1.0})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(server.server_port, flush=True)
    server.serve_forever()
"""
UVICORN = """
    import socket, sys
    from contextlib import asynccontextmanager
    import fastapi, uvicorn
    from monitoring_tasks.client import Buffering, PredictionLog

    log = PredictionLog(sys.argv[1], buffering=Buffering(interval=3600))

    @asynccontextmanager
    async def lifespan(_):
        with log:
            yield

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/{number}", status_code=204)
    def predict(number: int):
        log.append(number, 0.5, {"x": 1.0})

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listening])
"""


def ask(port: str, number: int) -> None:
    """One request."""
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port.strip()}/{number}", timeout=10).close()
        except ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server does not answer")


@pytest.mark.parametrize("code", [SERVER, UVICORN], ids=["http.server", "uvicorn"])
def test_a_server_that_is_told_to_end_loses_nothing(tmp_path: Path, code: str) -> None:
    """SIGTERM after requests, long before the interval: every row is there."""
    server = start(code, tmp_path)
    assert server.stdout is not None
    port = server.stdout.readline()
    for number in range(20):
        ask(port, number)
    assert ids_in(tmp_path) == []
    server.send_signal(signal.SIGTERM)
    _, err = server.communicate(timeout=60)
    assert ids_in(tmp_path) == list(range(20)), err


def test_a_process_that_ends_by_itself_loses_nothing(tmp_path: Path) -> None:
    """Without close(), and after an exception."""
    code = """
        import sys
        from monitoring_tasks.client import PredictionLog
        PredictionLog(sys.argv[1]).append(1)
        raise SystemError("the server failed")
    """
    _, err = start(code, tmp_path).communicate(timeout=60)
    assert "the server failed" in err
    assert ids_in(tmp_path) == [1]


def test_a_process_that_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    """kill -9 in the middle of writing: whole files only, and all rows that were flushed before."""
    code = """
        import sys
        from monitoring_tasks.client import Buffering, PredictionLog
        log = PredictionLog(sys.argv[1], buffering=Buffering(interval=0.001, batch=50))
        log.append(-1)
        log.flush()
        print("flushed", flush=True)
        for number in range(10**9):
            log.append(number, 0.5, {"text": "x" * 2000})
    """
    for delay in (0.05, 0.1, 0.2, 0.3):
        folder = tmp_path / str(delay)
        server = start(code, folder)
        assert server.stdout is not None
        server.stdout.readline()
        time.sleep(delay)
        server.kill()
        server.communicate(timeout=60)
        found = ids_in(folder)
        assert found == list(range(-1, len(found) - 1))


def test_a_fork_writes_its_own_rows_and_nobody_elses(tmp_path: Path) -> None:
    """Rows waiting in the parent are written by the parent, once; each child writes its own; names never meet."""
    code = """
        import os, sys, threading, warnings
        from monitoring_tasks.client import Buffering, PredictionLog
        warnings.simplefilter("ignore")
        log = PredictionLog(sys.argv[1], buffering=Buffering(interval=0.05, batch=25))
        stop = threading.Event()

        def serve():
            number = 0
            while not stop.is_set():
                log.append(number, 0.5)
                number += 1
                stop.wait(0.0005)
            print(number, flush=True)

        busy = threading.Thread(target=serve)
        busy.start()
        children = []
        for child in range(1, 5):
            pid = os.fork()
            if not pid:
                for number in range(100):
                    log.append(child * 1_000_000 + number, 0.5)
                log.close()
                os._exit(0 if log.dropped == 0 else 1)
            children.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        stop.set()
        busy.join()
        sys.exit(sum(codes))
    """
    for place in (tmp_path / "files", f"sqlite:///{tmp_path}/log.db"):
        server = start(code, place)
        out, err = server.communicate(timeout=60)
        assert server.returncode == 0, err
        children = [child * 1_000_000 + number for child in range(1, 5) for number in range(100)]
        assert ids_in(place) == [*range(int(out)), *children], err


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_lose_nothing(tmp_path: Path, method: str) -> None:
    """They end without atexit; their rows are written all the same."""
    script = tmp_path / "served.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "from monitoring_tasks.client import PredictionLog\n"
        "log = PredictionLog(sys.argv[1])\n"
        "def serve(number):\n"
        "    log.append(number, 0.5)\n"
        "if __name__ == '__main__':\n"
        "    log.append(0, 0.5)\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    children = [context.Process(target=serve, args=(number,)) for number in (1, 2)]\n"
        "    [child.start() for child in children]\n"
        "    [child.join() for child in children]\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script, tmp_path / "log"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ids_in(tmp_path / "log") == [0, 1, 2], done.stderr


def test_many_processes_never_collide(tmp_path: Path) -> None:
    """Four processes that write at once to one folder: every row once, every file whole."""
    code = """
        import sys
        from monitoring_tasks.client import Buffering, PredictionLog
        with PredictionLog(sys.argv[1], buffering=Buffering(interval=0.001, batch=20)) as log:
            for number in range(500):
                log.append(int(sys.argv[2]) * 1000 + number, 0.5)
    """
    servers = [start(code, tmp_path, number) for number in range(4)]
    errors = [server.communicate(timeout=60)[1] for server in servers]
    assert ids_in(tmp_path) == [server * 1000 + number for server in range(4) for number in range(500)], errors
    assert len({path.name for path in tmp_path.rglob("*.parquet")}) == len(list(tmp_path.rglob("*.parquet")))
    assert all(pq.read_metadata(path).num_rows for path in tmp_path.rglob("*.parquet"))
    assert rows_in(tmp_path)[0].keys() == {"id", "timestamp", "prediction"}


def test_importing_the_client_loads_little() -> None:
    """A server gets pyarrow, and SQLAlchemy where it logs to a database; pandas not even when it writes."""
    code = """
        import sys
        from tempfile import mkdtemp
        from monitoring_tasks.client import PredictionLog
        heavy = {"airflow", "evidently", "pandas", "sklearn", "scipy", "pydantic", "sqlalchemy"}
        print(sorted(heavy & set(sys.modules)))
        with PredictionLog(mkdtemp()) as log:
            log.append(1, 0.5, {"x": 1, "text": "a", "flag": True})
        with PredictionLog(f"sqlite:///{mkdtemp()}/a.db") as log:
            log.append(1, 0.5, {"x": 1, "text": "a", "flag": True})
        print(sorted(heavy & set(sys.modules)))
    """
    out, err = start(code).communicate(timeout=60)
    assert out.splitlines() == ["[]", "['sqlalchemy']"], err
