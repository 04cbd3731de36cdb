"""The routes that the Gateway API provider writes, on a real gateway: who really gets what, by the backends' counts.

Shares are random: the bounds are five standard deviations, which a right gateway misses once in 1.7 million times.
"""

import copy
import math
import time
import zlib

import pytest

from cluster.client import ApiError
from routing import Crowd, Routing

ARMS = ("v1", "v2", "v3")
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io"


@pytest.fixture
def routing(cluster, request):
    made = Routing(cluster, f"arms-{zlib.crc32(request.node.name.encode()) % 100000}", ARMS, first_address=2)
    made.move_to({"stable": "v1"})
    yield made
    made.close()


def close_to(count: int, of: int, share: float) -> bool:
    return abs(count - of * share) <= 5 * math.sqrt(of * share * (1 - share))


def ask(routing: Routing, times: int) -> dict[str, int]:
    """The answers of one connection, by arm."""
    user = routing.user()
    seen: dict[str, int] = {}
    for _ in range(times):
        arm = user.ask()
        seen[arm] = seen.get(arm, 0) + 1
    return seen


def test_requests_are_split_by_weight(routing):
    routing.move_to({"stable": "v1", "candidate": "v2", "percent": 25})
    seen = ask(routing, 1500)
    assert sum(seen.values()) == 1500 and set(seen) == {"v1", "v2"}
    assert close_to(seen["v2"], 1500, 0.25), seen
    assert dict(routing.posts()) == {**seen, "v3": 0}
    assert routing.ask("observe", {"stable": "v1", "candidate": "v2", "percent": 25})["live"]["percent"] == 25


def test_a_mirror_copies_a_share_that_users_never_see(routing):
    split = {"stable": "v1", "candidate": "v2", "mirror": 30}
    routing.move_to(split)
    assert ask(routing, 1500) == {"v1": 1500}
    posts = routing.settled_posts()
    assert posts["v1"] == 1500
    assert close_to(posts["v2"], 1500, 0.3), posts
    assert routing.ask("observe", split)["live"]["mirror"] == 30
    # Without it nothing is copied any more.
    assert routing.move_to({"stable": "v1", "candidate": "v2"}) == 1
    assert ask(routing, 200) == {"v1": 200}
    assert routing.settled_posts() == {"v1": 1700, "v2": posts["v2"], "v3": 0}


def test_a_mirror_of_everything_copies_everything(routing):
    routing.move_to({"stable": "v1", "candidate": "v2", "mirror": 100})
    assert ask(routing, 300) == {"v1": 300}
    assert routing.settled_posts() == {"v1": 300, "v2": 300, "v3": 0}


def test_a_mirror_whose_backend_is_gone_is_not_felt(routing, cluster):
    routing.move_to({"stable": "v1", "candidate": "v2", "mirror": 100})
    routing.servers[1].kill()
    assert ask(routing, 300) == {"v1": 300}


def test_no_request_is_lost_whatever_the_split_becomes(routing):
    journey = [
        {"stable": "v1", "candidate": "v2", "mirror": 50},
        {"stable": "v1", "candidate": "v2", "percent": 10},
        {"stable": "v1", "candidate": "v2", "percent": 50},
        {"stable": "v1"},
        {"stable": "v1", "candidate": "v3", "percent": 30},
        {"stable": "v1", "candidate": "v3", "percent": 100},
        {"stable": "v3"},
        {"stable": "v3", "candidate": "v1", "percent": 10},
        {"stable": "v3", "candidate": "v1", "percent": 100},
        {"stable": "v1"},
    ]
    routing.move_to({"stable": "v1"})
    with Crowd(routing.user() for _ in range(8)) as crowd:  # without a pause: a gap of a millisecond is seen
        for split in journey * 2:
            assert routing.move_to(split, followed=False) >= 1
            time.sleep(0.5)
    assert crowd.answers > 1000
    assert not crowd.failures, crowd.failures


# -- a cluster whose CRDs are older than the percent of a mirror -----------------------------------


@pytest.fixture
def old_crds(cluster):
    """Takes percent and fraction out of the schema when called, and puts everything back in the end."""
    original = cluster.api.get(CRD)

    def take_out() -> None:
        cluster.api.request("PUT", CRD, without_share(cluster.api.get(CRD)))

    yield take_out
    restored = copy.deepcopy(original)
    restored["metadata"]["resourceVersion"] = cluster.api.get(CRD)["metadata"]["resourceVersion"]
    cluster.api.request("PUT", CRD, restored)


def without_share(crd: dict) -> dict:
    def walk(node: object) -> None:
        if isinstance(node, dict):
            mirror = node.get("requestMirror")
            if isinstance(mirror, dict) and "properties" in mirror:
                for field in ("percent", "fraction"):
                    mirror["properties"].pop(field, None)
                mirror.pop("x-kubernetes-validations", None)
            node = list(node.values())
        for inner in node if isinstance(node, list) else ():
            walk(inner)

    crd = copy.deepcopy(crd)
    walk(crd["spec"]["versions"])
    return crd


def refusal_of(routing: Routing, split: dict) -> str:
    """What the API server says to the route that is to be written; empty while it takes it."""
    try:
        routing.apply(routing.ask("desired", split), dry_run=True)
        return ""
    except ApiError as error:
        return str(error)


def test_a_mirror_that_the_crds_refuse_is_left_out_and_reported(routing, cluster, old_crds):
    routing.move_to({"stable": "v1", "candidate": "v2"})
    old_crds()
    split = {"stable": "v1", "candidate": "v2", "mirror": 30}
    refusal = cluster.wait_for(lambda: refusal_of(routing, split), "the API server to refuse the percent", 20)
    instead = routing.ask("refused", split, refusal)
    assert instead is not None, refusal
    routing.apply(instead)
    cluster.wait_for(lambda: routing.ask("observe", split)["asWanted"], "the route without a mirror", 10)
    expect_unsupported(routing.ask("observe", split))
    assert routing.ask("next", split) is None
    assert ask(routing, 200) == {"v1": 200}
    assert routing.settled_posts()["v2"] == 0


def test_a_percent_that_is_pruned_from_a_route_is_seen(routing, cluster, old_crds):
    split = {"stable": "v1", "candidate": "v2", "mirror": 30}
    routing.move_to(split)
    old_crds()

    def percent_is_gone() -> bool:
        return "percent" not in routing.live()["spec"]["rules"][0]["filters"][0]["requestMirror"]

    cluster.wait_for(percent_is_gone, "the percent to be pruned", 20)
    state = routing.ask("observe", split)
    expect_unsupported(state)
    assert state["live"]["mirror"] == 100, "without its percent a mirror is one of everything"
    routing.apply(routing.ask("next", split))
    cluster.wait_for(lambda: routing.ask("observe", split)["asWanted"], "the route without a mirror", 10)
    expect_unsupported(routing.ask("observe", split))

    def copies_nothing() -> bool:
        before = routing.settled_posts()["v2"]
        assert ask(routing, 50) == {"v1": 50}
        return routing.settled_posts()["v2"] == before

    cluster.wait_for(copies_nothing, "the gateway to copy nothing any more", 30)


def expect_unsupported(state: dict) -> None:
    assert (state["acceptance"], state["reason"]) == ("Rejected", "Unsupported"), state
    assert "Gateway API v1.3" in state["message"]
