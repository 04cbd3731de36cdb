"""What the tests of this folder share: one control plane, and a lane on it."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from cluster import Cluster  # noqa: E402

from world import World  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--away", type=float, default=20, help="seconds for which the API server or Prometheus is away")


@pytest.fixture
def away(request: pytest.FixtureRequest) -> float:
    return request.config.getoption("--away")


@pytest.fixture(scope="session")
def world():
    with Cluster("away", "control-plane") as cluster:
        yield World(cluster)


@pytest.fixture(scope="session")
def lane(world):
    return world.lanes(1)[0]
