"""Users who stay with one revision, on a real gateway: by a header of theirs, or by the cookie that they are given."""

import time
import zlib
from collections import Counter

import pytest

from routing import Crowd, Routing
from test_traffic import ARMS, close_to

HEADER = {"header": "x-user-bucket", "values": ["b", "c"]}
COOKIE = {"cookie": "digits-arm", "ttl": "1h"}
BY_HEADER = {"header": {"name": "x-user-bucket", "values": ["b", "c"]}}
BY_COOKIE = {"cookie": {"name": "digits-arm", "ttlSeconds": 3600}}


@pytest.fixture
def routing(cluster, request):
    name = f"arms-{zlib.crc32(request.node.name.encode()) % 100000}"
    made = Routing(cluster, name, ARMS, first_address=2, assignment=request.param)
    made.move_to({"stable": "v1"})
    yield made
    made.close()


@pytest.mark.parametrize("routing", [HEADER], indirect=True)
def test_users_with_the_header_get_the_candidate_and_nobody_else_does(routing):
    assert len(routing.live()["spec"]["rules"]) == 2, "the rule is there before anybody is assigned"
    assert routing.move_to({"stable": "v1", "candidate": "v2", **BY_HEADER}) == 1
    for value, arm in (("b", "v2"), ("c", "v2"), ("a", "v1"), ("B", "v1"), ("", "v1")):
        user = routing.user({"X-User-Bucket": value} if value else None)
        assert Counter(user.ask() for _ in range(60)) == {arm: 60}, value
        assert user.cookies == {}
    assert dict(routing.posts()) == {"v1": 180, "v2": 120, "v3": 0}


@pytest.mark.parametrize("routing", [COOKIE], indirect=True)
def test_new_users_are_split_by_weight_and_stay(routing):
    assert len(routing.live()["spec"]["rules"]) == 3
    assert routing.move_to({"stable": "v1", "candidate": "v2", "percent": 30, **BY_COOKIE}) == 1
    users = [routing.user() for _ in range(400)]
    first = [user.ask() for user in users]
    new = routing.posts()
    assert new["v1"] + new["v2"] == 400 and new["v3"] == 0
    assert dict(Counter(first)) == {arm: count for arm, count in new.items() if count}, "the backends say the same"
    assert close_to(new["v2"], 400, 0.3), new
    assert all(user.cookies == {"digits-arm": arm} for user, arm in zip(users, first, strict=True))
    for _ in range(4):
        assert [user.ask() for user in users] == first
    assert dict(routing.posts()) == {arm: 5 * count for arm, count in new.items()}
    # Another share is for new users only.
    routing.move_to({"stable": "v1", "candidate": "v2", "percent": 90, **BY_COOKIE})
    assert [user.ask() for user in users] == first
    # A cookie that names neither of them is no cookie.
    routing.move_to({"stable": "v1", "candidate": "v3", "percent": 50, **BY_COOKIE})
    moved = Counter(user.ask() for user, arm in zip(users, first, strict=True) if arm == "v2")
    assert set(moved) == {"v1", "v3"} and close_to(moved["v3"], new["v2"], 0.5), moved
    for user in users:
        user.connection.close()


def crowd_of(routing, users: int = 8):
    """Half of them have the header; all keep their cookies."""
    return Crowd(routing.user({"X-User-Bucket": "b"} if number % 2 else None) for number in range(users))


@pytest.mark.parametrize(("routing", "assigned"), [(HEADER, BY_HEADER), (COOKIE, BY_COOKIE)], indirect=["routing"])
def test_no_request_is_lost_whoever_is_assigned(routing, assigned):
    share = {"percent": 50} if "cookie" in assigned else {}
    journey = [
        {"stable": "v1", "candidate": "v2"},
        {"stable": "v1", "candidate": "v2", **share, **assigned},
        {"stable": "v1"},
        {"stable": "v1", "candidate": "v3", "percent": 10},
        {"stable": "v1", "candidate": "v3", **share, **assigned},
        {"stable": "v1", "candidate": "v3", "percent": 100},
        {"stable": "v3"},
        {"stable": "v3", "candidate": "v1", **share, **assigned},
        {"stable": "v3", "candidate": "v2", **share, **assigned},
        {"stable": "v3", "candidate": "v2", "mirror": 50},
        {"stable": "v3"},
        {"stable": "v3", "candidate": "v1", "percent": 100},
        {"stable": "v1"},
    ]
    with crowd_of(routing) as crowd:  # without a pause: a gap of a millisecond is seen
        for split in journey * 2:
            assert routing.move_to(split, followed=False) <= 1
            time.sleep(0.5)
    assert crowd.answers > 1000
    assert not crowd.failures, crowd.failures
