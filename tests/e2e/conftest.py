"""One real cluster for all end-to-end tests. Each fixture below is one step of the example's story and
is played once; a test asks for the step that it looks at, and so gets all that lead to it."""

import os
import sys
from pathlib import Path
from typing import Iterator

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "examples" / "digits"), str(REPOSITORY / "tests")]

from cluster import Report  # noqa: E402
from load import Count  # noqa: E402
from places import OwnCluster, Place  # noqa: E402
from story import Chapter, Sight, Story  # noqa: E402

_logs: list[Path] = []


@pytest.fixture(scope="session")
def report() -> Report:
    """Progress goes past pytest's capture: the cluster may take a while the first time."""
    return Report(sys.__stderr__)


@pytest.fixture(scope="session")
def place(report: Report) -> Iterator[Place]:
    report.line("")
    own = OwnCluster.start(os.environ.get("SLUICE_TEST_CLUSTER", "e2e"), report, keep=False)
    _logs.append(own.logs)
    yield own
    own.cluster.stop()


@pytest.fixture(scope="session")
def story(place: Place) -> Story:
    return Story(place)


@pytest.fixture(scope="session")
def installed(story: Story, report: Report) -> Story:
    with report.step("helm install"):
        story.install_operator()
    return story


@pytest.fixture(scope="session")
def v1(installed: Story, report: Report) -> Sight:
    with report.step("v1 becomes stable"):
        return installed.serve_first()


@pytest.fixture(scope="session")
def traffic(v1: Sight, story: Story, report: Report) -> Count:
    with report.step("traffic"):
        return story.start_traffic()


@pytest.fixture(scope="session")
def v2(traffic: Count, story: Story, report: Report) -> Chapter:
    with report.step("v2, a better model, through all stages", "3 min"):
        return story.roll("v2")


@pytest.fixture(scope="session")
def v3(v2: Chapter, story: Story, report: Report) -> Chapter:
    with report.step("v3, a faulty service", "30 s"):
        return story.roll("v3")


@pytest.fixture(scope="session")
def v4(v3: Chapter, story: Story, report: Report) -> Chapter:
    with report.step("v4, no difference", "2 min"):
        return story.roll("v4")


def pytest_terminal_summary(terminalreporter) -> None:
    """Where to look when something failed; the logs stay when the cluster is gone."""
    failed = terminalreporter.stats.get("failed", []) + terminalreporter.stats.get("error", [])
    for logs in _logs if failed else []:
        terminalreporter.write_line(f"The logs of the cluster are in {logs} (pods in {logs / 'pods'}).")
