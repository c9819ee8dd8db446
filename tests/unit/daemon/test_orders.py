"""No order is lost, whoever leaves it and whenever."""

import subprocess
import sys
import threading

import pytest

from runner.daemon.orders import Order, Orders

CAUGHT_ELSEWHERE = """
import signal, threading
from runner.daemon.orders import Order, Orders

orders = Orders()
orders.put_on_signals({signal.SIGTERM: Order.STOP})
bystander = threading.Thread(target=threading.Event().wait, daemon=True)
bystander.start()
threading.Timer(0.05, signal.pthread_kill, (bystander.ident, signal.SIGTERM)).start()
print(orders.get(30))
"""


@pytest.fixture
def orders():
    made = Orders()
    yield made
    made.close()


def test_orders_come_in_the_order_in_which_they_were_left(orders):
    for order in (Order.RELOAD, Order.STOP, Order.STOP):
        orders.put(order)

    assert [orders.get() for _ in range(3)] == [Order.RELOAD, Order.STOP, Order.STOP]


def test_without_an_order_the_wait_ends(orders):
    assert orders.get(0.01) is None


def test_an_order_of_a_thread_ends_the_wait(orders):
    threading.Timer(0.01, orders.put, [Order.LOCK_FREE]).start()

    assert orders.get(30) is Order.LOCK_FREE


def test_more_orders_than_the_pipe_holds_are_no_trouble(orders):
    for _ in range(3_000):
        orders.put(Order.RELOAD)
    orders.put(Order.STOP)

    last = [orders.get(0) for _ in range(3_001)][-1]

    assert last is Order.STOP


def test_a_signal_that_another_thread_catches_ends_the_wait():
    heard = subprocess.run(
        [sys.executable, "-c", CAUGHT_ELSEWHERE], capture_output=True, text=True, timeout=60, check=True
    )

    assert heard.stdout == "Order.STOP\n"


def test_an_order_that_waits_can_be_seen_before_it_is_taken(orders):
    orders.put(Order.RELOAD)
    orders.put(Order.STOP)

    seen = [orders.holds(order) for order in (Order.RELOAD, Order.STOP, Order.LOCK_FREE)]
    taken = [orders.get(), orders.get()]

    assert (seen, taken) == ([True, True, False], [Order.RELOAD, Order.STOP])
    assert not orders.holds(Order.STOP)
