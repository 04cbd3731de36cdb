"""Each profile of a load test finds the weakness that it is for, and has nothing against a sound server.

    make test-load
    pytest tests/load --matrix      # also that no other profile finds it: the table of docs/load-tests.md
"""

import pytest
from conftest import Outcome, Played, Run

# Which profile finds what, and by which criteria.
FINDS = {
    ("regression", "performance"): {"95% of response times"},
    ("knee", "stress"): {"knee", "95% of response times"},
    ("leak", "endurance"): {"growth of 50% of response times", "growth of memory"},
    ("parser", "volume"): {"95% of response times"},
    ("lock", "scalability"): {"rate per replica", "95% of response times"},
    ("relapse", "spike"): {"recovery"},
}
PROFILES = [profile for _, profile in FINDS]
WEAKNESSES = [weakness for weakness, _ in FINDS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "run" not in metafunc.fixturenames:
        return
    if metafunc.function is test_finds_its_weakness:
        runs = [Run(*pair) for pair in FINDS]
    else:
        runs = [Run("sound", profile) for profile in PROFILES]
        if metafunc.config.getoption("matrix"):
            runs += [Run(w, p) for w in WEAKNESSES for p in PROFILES if (w, p) not in FINDS]
    metafunc.parametrize("run", runs, ids=lambda run: run.name)


def broken(outcome: Outcome) -> set[str]:
    return {one["name"] for one in outcome.report["criteria"] if one["verdict"] == "Fail"}


def test_finds_its_weakness(played: Played, run: Run) -> None:
    outcome = played[run]
    assert outcome.report["verdict"] == "Fail", outcome.text
    assert outcome.status == 1
    assert broken(outcome) and broken(outcome) <= FINDS[run.weakness, run.profile], outcome.text


def test_passes_what_it_is_not_for(played: Played, run: Run) -> None:
    outcome = played[run]
    assert outcome.report["verdict"] == "Pass", outcome.text
    assert outcome.status == 0
    charts = sorted(path.name for path in (outcome.folder / "charts").iterdir())
    assert charts == ["failures.svg", "histogram.svg", "request-rate.svg", "response-times.svg", "users.svg"]
