"""The thread that has definitions looked at: whatever fails around it, it goes on, or is missed."""

import queue
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runner.daemon.definitions import Look
from runner.daemon.pulse import Pulse
from runner.daemon.watch import DefinitionWatch

PATIENCE = 30.0
ROOT = Path("project")


class Watching:
    """What a watch calls: it counts looks, and tells of a change when the test does."""

    def __init__(self, *told, folders=lambda: ("",)):
        self.moment = 0.0
        self.pulse = Pulse(lambda: self.moment)
        self.looks = queue.Queue()
        self.may_look = threading.Event()
        self.may_look.set()
        self.to_tell = list(told)
        self.watch = DefinitionWatch(
            root=ROOT, look=self.look, folders=folders, seconds=3600, pulse=self.pulse, told=self.told
        )

    def look(self):
        self.looks.put("look")
        self.may_look.wait(PATIENCE)
        return Look.SAME

    def told(self, _folders, stopping):
        for one in self.to_tell:
            if isinstance(one, Exception):
                raise one
            yield one
        stopping.wait(PATIENCE)

    @contextmanager
    def going_on(self):
        self.watch.start()
        try:
            yield
        finally:
            self.may_look.set()
            self.watch.stop()

    def wait_for_look(self):
        return self.looks.get(timeout=PATIENCE)


@pytest.mark.parametrize(
    "trouble",
    [
        RuntimeError("error in underlying watcher"),  # how the library tells that a watch broke
        OSError(28, "too many watches"),
        ValueError("what nobody thought of"),
    ],
)
def test_a_watch_that_breaks_leaves_regular_looks_and_looks_at_once_when_asked(trouble):
    watching = Watching(False, trouble)

    with capture_logs() as logs, watching.going_on():
        watching.wait_for_look()
        for _ in range(3):
            watching.watch.wake()
            watching.wait_for_look()

    assert [(line["event"], line["looked_at_every"]) for line in logs] == [("definitions_not_watched", 3600)]


def test_a_thread_that_meets_what_it_did_not_expect_begins_anew():
    folders = iter([ZeroDivisionError("once"), ("",)])

    def failing_once():
        found = next(folders, ("",))
        if isinstance(found, Exception):
            raise found
        return found

    watching = Watching(False, folders=failing_once)

    with capture_logs() as logs, watching.going_on():
        watching.watch.wake()
        watching.wait_for_look()

    assert [line["event"] for line in logs] == ["definitions_watch_failed"]


def test_a_look_that_does_not_end_is_missed():
    watching = Watching(False)
    watching.may_look.clear()

    with watching.going_on():
        watching.wait_for_look()
        watching.moment = 600.0
        in_time = watching.pulse.late()
        watching.moment = 601.0
        late = watching.pulse.late()

    assert (in_time, late, watching.pulse.late()) == ([], ["definitions"], [])


def test_a_thread_that_waits_is_missed_within_a_minute():
    """It says that it is alive each second, so nobody waits ten minutes to learn that it is not."""
    watching = Watching(False, False)
    watched = queue.Queue()
    beat = watching.pulse.beat

    class Heard(Pulse):
        def beat(self, loop, within):
            beat(loop, within)
            watched.put(within)

    watching.watch = DefinitionWatch(
        root=ROOT,
        look=watching.look,
        folders=lambda: ("",),
        seconds=3600,
        pulse=Heard(),
        told=watching.told,
    )
    with watching.going_on():
        promises = [watched.get(timeout=PATIENCE) for _ in range(4)]

    assert promises == [600.0, 600.0, 60.0, 60.0]  # setting up, looking, waiting, waiting
