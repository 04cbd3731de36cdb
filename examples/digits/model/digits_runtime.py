"""MLServer's scikit-learn runtime with three additions: a counter of the predicted classes, one of what users said of
the answers, and faults that can be switched on.

A user who was answered says so with the next image, in the request's parameters: {"feedback": "right"} or "wrong".
That is the goal of the example's A/B test, in which a user stays with one model.

The faults stand for what goes wrong in real model servers, for instance a feature store that times
out now and then. They are set by environment, so a faulty revision differs from a good one in its
pod template only:

    FAULT_ERROR_SHARE    share of requests answered with HTTP 500, for instance 0.04
    FAULT_SLOW_SHARE     share of requests that are slow ...
    FAULT_SLOW_SECONDS   ... by this many seconds
    FAULT_DIGIT          answers of this digit become HTTP 500
"""

import asyncio
import os
import random

from mlserver.errors import MLServerError
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver_sklearn import SKLearnModel
from prometheus_client import Counter

# Shown at /metrics beside MLServer's own metrics. mlserver.log() only knows histograms.
_PREDICTIONS = Counter("predictions_total", "Predictions by class.", ["class"])
_FEEDBACK = Counter("feedback_total", "What users said of the answers.", ["answer"])
_ANSWERS = ("right", "wrong")


def _setting(name: str, highest: float) -> float:
    """A number from the environment; a server with a setting it cannot read must not start."""
    text = os.environ.get(name, "0")
    try:
        value = float(text)
    except ValueError:
        raise SystemExit(f"{name}={text!r} is not a number") from None
    if not 0 <= value <= highest:
        raise SystemExit(f"{name}={text!r} is not between 0 and {highest:g}")
    return value


class DigitsModel(SKLearnModel):
    """Serves one digits classifier."""

    async def load(self) -> bool:
        self._error_share = _setting("FAULT_ERROR_SHARE", 1)
        self._slow_share = _setting("FAULT_SLOW_SHARE", 1)
        self._slow_seconds = _setting("FAULT_SLOW_SECONDS", 60)
        self._fault_digit = int(_setting("FAULT_DIGIT", 9)) if "FAULT_DIGIT" in os.environ else None
        for answer in _ANSWERS:  # a counter that is not there yet is no zero
            _FEEDBACK.labels(answer)
        return await super().load()

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        said = getattr(payload.parameters, "feedback", None)
        if said in _ANSWERS:
            _FEEDBACK.labels(said).inc()
        if random.random() < self._slow_share:
            await asyncio.sleep(self._slow_seconds)
        if random.random() < self._error_share:
            raise MLServerError("feature store: connection timed out", status_code=500)
        response = await super().predict(payload)
        digits = [int(digit) for digit in response.outputs[0].data]
        if self._fault_digit in digits:
            raise MLServerError("label store: no such entry", status_code=500)
        for digit in digits:
            _PREDICTIONS.labels(digit).inc()
        return response
