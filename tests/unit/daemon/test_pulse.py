from runner.daemon.pulse import Pulse


def test_a_loop_is_late_once_its_promise_is_broken_and_no_longer_when_it_is_heard_of():
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.beat("planner", within=10)
    pulse.beat("executor-0", within=100)

    now[0] = 10.0
    in_time = pulse.late()
    now[0] = 10.1
    late = pulse.late()
    pulse.beat("planner", within=10)

    assert (in_time, late, pulse.late()) == ([], ["planner"], [])


def test_a_loop_that_has_ended_is_never_late():
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.beat("planner", within=10)
    pulse.beat("executor-0", within=10)

    pulse.end("planner")
    pulse.end("never begun")
    now[0] = 11.0

    assert pulse.late() == ["executor-0"]
