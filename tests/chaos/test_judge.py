# SPDX-License-Identifier: Apache-2.0
"""The judge of the other tests (support/ledger.py) on cases with a known verdict: none of them is waved through."""

import pytest

from support.ledger import Arrival, Request, Verdict, judge

KILLS = [(10.0, 10.1), (20.0, 20.1)]
OK, AGAIN = ["OK"], ["UNAVAILABLE", "OK"]


def request(codes: list) -> Request:
    return Request(range(1, 2), list(codes))


@pytest.mark.parametrize("why, codes, arrivals, expected", [
    ("arrived once", OK, [5], {}),
    ("answered OK and not there", OK, [], {"lost": 1}),
    ("never answered OK, so nothing was promised", ["UNAVAILABLE"], [], {"acknowledged": 0}),
    ("the client sent it twice", AGAIN, [5, 6], {"resent": 1}),
    ("the client sent it twice, and it came three times", AGAIN, [5, 6, 7], {"resent": 1, "unexplained": 1}),
    ("answered just before a kill", OK, [9.9, 11], {"in_flight": 1, "in_flight_worst": 1}),
    ("received long before the kill and never answered", OK, [Arrival(5), 11], {"in_flight": 1, "in_flight_worst": 1}),
    ("answered only after the kill", OK, [Arrival(5, 10.5), 11], {"in_flight": 1, "in_flight_worst": 1}),
    ("read from the socket just after it", OK, [10.2, 11], {"in_flight": 1, "in_flight_worst": 1}),
    ("answered long before the kill", OK, [5, 11], {"unexplained": 1}),
    ("doubled with no kill between", OK, [12, 13], {"unexplained": 1}),
    ("two copies, each in flight at a kill", AGAIN, [Arrival(9, 10.2), Arrival(9, 10.2), 11, 11], {
        "resent": 1, "in_flight": 2, "in_flight_worst": 2}),
    ("two copies, one of them in flight at a kill", AGAIN, [5, Arrival(9, 10.2), 11, 12], {
        "resent": 1, "in_flight": 1, "in_flight_worst": 1, "unexplained": 1}),
    ("in flight at two kills", OK, [9.9, 19.9, 21], {"in_flight": 2, "in_flight_worst": 1}),
])
def test_verdict(why, codes, arrivals, expected):
    arrivals = [one if isinstance(one, Arrival) else Arrival(one, one) for one in arrivals]
    found = judge([request(codes)], {1: arrivals}, KILLS)
    found.window_worst_s = 0.0
    assert found == Verdict(**{"acknowledged": 1, "requests": 1, **expected}), why
