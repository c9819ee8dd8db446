"""Worker processes end when they have to, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from runner.errors import OutOfMemory, QueryError, QueryTimeout, RunInterrupted, UnknownLogType, WorkerError
from runner.worker.pool import WorkerPool
from runner.worker.spool import MatchSpool

EVERY_ROW = "def rule(event):\n    return True\n"
ENDLESS = "SELECT count(*) AS n FROM range(100000000000) AS t(i) WHERE i % 7 = 8"
DEAF = "SELECT sum(length(repeat('x', 200000000 + i::INT))) AS n FROM range(100000) AS t(i)"
ROWS = 3


def is_there(pid: int) -> bool:
    """Tell whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition):
    """Wait for something that another process does; tests fail by their own assertion when it does not."""
    pause = threading.Event()
    for _ in range(500):
        if condition():
            return True
        pause.wait(0.01)
    return False


@pytest.fixture
def own_pool():
    with WorkerPool(2, grace_seconds=0.3) as pool:
        yield pool


@pytest.fixture
def started(own_pool, job, spool):
    """Start a job that does not end by itself in a thread; returns its future and its worker's process id."""
    with ThreadPoolExecutor(1) as threads:

        def start(*rules, **given):
            future = threads.submit(own_pool.run, job(*rules, **given), spool)
            assert wait_until(lambda: own_pool.busy)
            (pid,) = own_pool.busy
            return future, pid

        yield start
        own_pool.close()


def test_a_query_is_interrupted_at_its_deadline_and_its_worker_goes_on(job, spool):
    with WorkerPool(1, grace_seconds=30) as patient_pool:
        with pytest.raises(QueryTimeout, match="interrupted at its deadline"):
            patient_pool.run(job(sql=ENDLESS, seconds=1.5), spool)

        assert patient_pool.run(job(EVERY_ROW), spool).matches == ROWS


def test_a_query_that_no_interrupt_stops_is_killed(own_pool, job, spool):
    with pytest.raises(QueryTimeout, match=r"did not end within 0.3 seconds, and was killed$"):
        own_pool.run(job(sql=DEAF, seconds=0.3), spool)

    assert own_pool.run(job(EVERY_ROW), spool).matches == ROWS


def test_a_run_whose_rules_are_too_slow_for_its_deadline_names_the_rule(own_pool, job, spool):
    slow = "import time\ndef rule(event):\n    time.sleep(1.5)\n    return True\n"

    with pytest.raises(QueryTimeout, match="killed while the rule 'R0' was asked"):
        own_pool.run(job(slow, seconds=2, evaluation_seconds=5), spool)


def test_a_query_that_needs_too_much_memory_fails_and_its_worker_is_replaced(job, spool, tmp_path):
    greedy = "SELECT list(i) AS all_of_them FROM range(100000000) AS t(i)"
    tells = f"import os\nopen({str(tmp_path / 'pids')!r}, 'a').write(f'{{os.getpid()}}\\n')\n{EVERY_ROW}"

    with WorkerPool(1) as pool:
        pool.run(job(tells, memory=2**28), spool)
        with pytest.raises(OutOfMemory):
            pool.run(job(sql=greedy, memory=2**28), spool)
        matches = pool.run(job(tells, memory=2**28), spool).matches

    assert matches == ROWS
    assert len(set((tmp_path / "pids").read_text().split())) == 2


def test_a_query_that_cannot_be_answered_fails_and_its_worker_goes_on(own_pool, job, spool):
    with pytest.raises(UnknownLogType):
        own_pool.run(job(sql="SELECT * FROM panther_logs.public.nothing"), spool)
    with pytest.raises(QueryError):
        own_pool.run(job(sql="SELECT nothing FROM panther_logs.public.logins"), spool)

    assert own_pool.run(job(EVERY_ROW), spool).matches == ROWS


def test_a_query_that_fails_after_some_rows_has_no_outcome(own_pool, job, spool):
    late = "SELECT CASE WHEN i = 50000 THEN error_if_zero ELSE i END AS n FROM (SELECT i, 1 // (50000 - i) AS error_if_zero FROM range(100000) AS t(i))"

    with pytest.raises(QueryError):
        own_pool.run(job(EVERY_ROW, sql=late), spool)


def test_a_worker_that_is_killed_during_a_query_is_an_error_that_may_pass(started, own_pool, job):
    future, pid = started(sql=ENDLESS)

    os.kill(pid, signal.SIGKILL)

    with pytest.raises(WorkerError, match="the worker died: its process was ended by SIGKILL") as caught:
        future.result()
    assert caught.value.transient
    with MatchSpool() as spool:
        assert own_pool.run(job(EVERY_ROW), spool).matches == ROWS


def test_a_worker_that_died_while_it_had_nothing_to_do_is_replaced(own_pool, job, spool):
    text = "import os\ndef rule(event):\n    return True\ndef title(event):\n    return str(os.getpid())\n"
    own_pool.run(job(text), spool)
    pid = int(json.loads(next(iter(spool))[0].details)["title"])

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())

    assert own_pool.run(job(text), spool).matches == ROWS


def test_the_rows_beyond_the_limit_are_left_out_and_the_run_says_so(done):
    outcome, matches = done(EVERY_ROW, rows=2)

    assert (outcome.rows, outcome.matches, len(matches)) == (2, 2, 2)
    assert outcome.truncated == "the query returned more than 2 rows (limits.rows)"


def test_exactly_as_many_rows_as_the_limit_are_not_too_many(done):
    outcome, _ = done(EVERY_ROW, rows=ROWS)

    assert (outcome.rows, outcome.truncated) == (ROWS, "")


def test_the_matches_beyond_the_limit_are_left_out_and_the_run_says_so(done):
    outcome, matches = done(EVERY_ROW, matches=2)

    assert (outcome.matches, len(matches)) == (2, 2)
    assert outcome.truncated == "the rule 'R0' matched more than 2 rows (limits.matches)"


def test_a_query_without_rules_runs_and_its_rows_are_counted(done):
    outcome, matches = done()

    assert (outcome.rows, matches) == (ROWS, [])


def test_two_threads_share_a_pool(own_pool, job):
    kills = "import os\ndef rule(event):\n    os._exit(1)\n"

    def run(number):
        rules = [EVERY_ROW, kills] if number % 5 == 0 else [EVERY_ROW]
        with MatchSpool() as spool:
            outcome = own_pool.run(job(*rules), spool)
            return outcome.matches, sum(len(batch) for batch in spool) - len(outcome.rule_errors)

    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(run, range(20)))

    assert counts == [(ROWS, ROWS)] * 20


def test_closing_the_pool_ends_the_jobs_of_other_threads_and_all_workers(started, own_pool):
    future, pid = started(sql=ENDLESS)

    own_pool.close()

    with pytest.raises(RunInterrupted):
        future.result()
    assert not is_there(pid)


def test_interrupting_the_pool_ends_a_rule_without_blaming_it(started, own_pool):
    future, pid = started("def rule(event):\n    while True:\n        pass\n", evaluation_seconds=60)

    own_pool.interrupt()

    with pytest.raises(RunInterrupted):
        future.result()
    assert not is_there(pid)


def test_whoever_waits_for_a_worker_of_a_pool_that_is_closed_is_told(job):
    pool = WorkerPool(1)
    with ThreadPoolExecutor(3) as threads, MatchSpool() as spool:
        waiting = [threads.submit(pool.run, job(sql=ENDLESS), spool) for _ in range(3)]
        wait_until(lambda: pool.busy)

        pool.close()

        assert [type(one.exception()) for one in waiting] == [RunInterrupted] * 3


def test_a_closed_pool_takes_no_job(job, spool):
    pool = WorkerPool(1)
    pool.close()

    with pytest.raises(RunInterrupted):
        pool.run(job(), spool)


def test_what_a_rule_has_started_ends_with_its_worker(own_pool, job, spool, tmp_path):
    text = (
        "import subprocess\n"
        "def rule(event):\n"
        f"    child = subprocess.Popen(['sleep', '60'])\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "    import itertools\n"
        "    return sum(itertools.repeat(0)) == 1\n"
    )

    own_pool.run(job(text), spool)

    assert wait_until(lambda: not is_there(int((tmp_path / "pid").read_text())))


def test_a_killed_worker_leaves_no_spill_folder(own_pool, job, spool, tmp_path):
    spilling = "SELECT a.i, b.i AS j FROM range(3000000) AS a(i), range(100) AS b(i) ORDER BY hash(a.i, b.i)"
    one = job(
        EVERY_ROW, sql=spilling.replace("hash(a.i, b.i)", "a.i * 7919 % 1000003"), memory=2**28, seconds=1
    )

    # It is killed at its deadline, unless DuckDB crashes before on an allocation that was refused.
    with pytest.raises((QueryError, WorkerError)):
        own_pool.run(one, spool)
    own_pool.close()

    assert list((tmp_path / "spill").glob("*/*")) == []


PROGRAM = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from runner.worker.job import Job, JobLimits
from runner.worker.pool import WorkerPool
from runner.worker.spool import MatchSpool

def main():
    limits = JobLimits(memory=2**30, seconds=60, evaluation_seconds=15, rows=9, matches=9, events_per_alert=1)
    job = Job(
        query="q", sql=sys.argv[1], dialect="duckdb", reference=datetime(2026, 1, 1, tzinfo=UTC),
        lake=Path(sys.argv[2]), spill=Path(sys.argv[2]), root=Path(sys.argv[2]), rules=(), helpers={}, limits=limits,
    )
    with WorkerPool(1) as pool, MatchSpool() as spool:
        watcher = threading.Thread(target=tell, args=(pool,), daemon=True)
        watcher.start()
        pool.run(job, spool)
        threading.Event().wait()

def tell(pool):
    pause = threading.Event()
    while not pool.busy:
        pause.wait(0.01)
    pause.wait(0.3)
    print(*pool.busy, flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("sql", [ENDLESS, DEAF], ids=["a query", "a query that no interrupt stops"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_no_worker_outlives_the_program(tmp_path, sql, number):
    (tmp_path / "program.py").write_text(PROGRAM)
    program = subprocess.Popen(
        [sys.executable, tmp_path / "program.py", sql, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with program:
        (pid,) = map(int, program.stdout.readline().split())
        assert is_there(pid)

        program.send_signal(number)
        program.wait()

    try:
        assert wait_until(lambda: not is_there(pid))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_the_parent_does_not_load_the_engine():
    code = textwrap.dedent(
        """
        import sys
        import runner.worker.pool
        print(*sorted({"duckdb", "sqlglot", "pyarrow", "dateutil"} & set(sys.modules)))
        """
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == []


def test_the_workers_of_a_nicer_pool_let_others_go_first(job, spool):
    with WorkerPool(1, niceness=5) as pool, ThreadPoolExecutor(1) as threads:
        threads.submit(pool.run, job(sql=ENDLESS), spool)
        assert wait_until(lambda: pool.busy)
        (pid,) = pool.busy
        is_nicer = wait_until(
            lambda: os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 5
        )
        pool.interrupt()

    assert is_nicer
