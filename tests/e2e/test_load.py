"""examples/load-test.yaml on a real node: Locust as Jobs, a verdict by bounds, a report with charts.

Can be run alone: pytest tests/e2e/test_load.py
"""

import json
from typing import Any, Iterator

import pytest

from example import Example
from places import Place
from story import NAMESPACE, Story, condition


def report_of(place: Place, told: dict[str, Any]) -> dict[str, str]:
    data = place.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/{told['report']}")["data"]
    assert len([name for name in data if name.endswith(".svg")]) == 5, sorted(data)
    return data


@pytest.fixture(scope="module")
def loaded(installed: Story, place: Place) -> Iterator[Example]:
    """The example, whose first revision has borne the load."""
    with Example(place, "load-test.yaml", "digits-loaded").served(300) as example:
        yield example


def test_a_sound_model_bears_the_load_and_has_a_report(loaded: Example, place: Place) -> None:
    (told,) = loaded.status["loadTests"]
    assert (told["stage"], told["verdict"], told["failures"]) == ("load", "Pass", 0), told
    assert told["requests"] >= 900, told
    data = report_of(place, told)
    found = json.loads(data["report.json"])
    assert found["verdict"] == "Pass", found
    assert len(json.loads(data["result.json"])["windows"]) > 10


def test_a_faulty_model_is_stopped_and_the_report_says_why(loaded: Example, place: Place) -> None:
    stable = loaded.status["stableRevision"]
    # A server that answers under another name: every request of the load is told 404.
    loaded.apply(
        loaded.variant("{name: MLSERVER_MODEL_URI, value: /models/v2}", "{name: MLSERVER_MODEL_NAME, value: other}")
    )
    told = loaded.rolled_back(300)
    assert told["stableRevision"] == stable
    promoted = condition(told, "Promoted")
    assert (promoted["status"], promoted["reason"]) == ("False", "LoadTestFailed"), promoted
    (load,) = told["loadTests"]
    assert load["verdict"] == "Fail" and load["failures"] == load["requests"] > 0, load
    assert load["message"] in promoted["message"]
    assert "404" in report_of(place, load)["result.json"]
    loaded.healthy_again()
