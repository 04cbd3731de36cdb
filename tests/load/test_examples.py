"""The scripts of examples/load make of the sample outputs beside them what is stored there, and it is judged."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, sluice_load

EXAMPLES = REPOSITORY / "examples" / "load"


def stored(name: str) -> dict:
    return json.loads((EXAMPLES / name).read_text())


def test_oha() -> None:
    command = [sys.executable, str(EXAMPLES / "oha_result.py"), "--rate", "50", "--users", "50", "--now",
               "1800000060.004", str(EXAMPLES / "oha.json")]  # fmt: skip
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.count("\n") == 1
    assert json.loads(printed) == stored("oha-result.log")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is what runs it here")
def test_k6(tmp_path: Path) -> None:
    runner = tmp_path / "runner.mjs"
    runner.write_text(
        f'import {{ readFileSync }} from "fs";\n'
        f'import {{ resultLine, counterOf, counters }} from "{EXAMPLES}/result.mjs";\n'
        f'const data = JSON.parse(readFileSync("{EXAMPLES}/k6-summary.json"));\n'
        "for (const ms of [0, 0.1, 1, 22.5, 60000, 1e9]) {\n"
        "  if (!counters.includes(counterOf(ms))) throw new Error(`no counter for ${ms}`);\n"
        "}\n"
        "console.log(resultLine(data, { steps: [{ seconds: 60, rate: 50 }] }, 1800000060021.4));\n"
    )
    printed = subprocess.run(["node", str(runner)], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == stored("k6-result.log")


@pytest.mark.parametrize("name", ["k6-result.log", "oha-result.log"])
def test_are_judged(name: str) -> None:
    judged = sluice_load("--stage", "performance", "--result", str(EXAMPLES / name))
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "95% of response times" in judged.stdout and "held" in judged.stdout


def test_what_cannot_be_judged_is_said() -> None:
    nothing = sluice_load("--stage", "performance", "--result", "/dev/null")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "no line of the log is a LoadTestResult" in nothing.stderr
    unknown = sluice_load("--stage", "lasting", "--print-config")
    assert unknown.returncode == 2
    assert "write one of performance, stress, endurance" in unknown.stderr
    assert sluice_load("--print-config").returncode == 2
    assert sluice_load("--stage", "stress").returncode == 2
