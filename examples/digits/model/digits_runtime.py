"""MLServer's scikit-learn runtime with two additions: a counter of the predicted classes, and
faults that can be switched on.

The faults stand for what goes wrong in real model servers, for instance a feature store that times
out now and then. They are set by environment, so a faulty revision differs from a good one in its
pod template only:

    FAULT_ERROR_SHARE    share of requests answered with HTTP 500, for instance 0.04
    FAULT_SLOW_SHARE     share of requests that are slow ...
    FAULT_SLOW_SECONDS   ... by this many seconds
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
        return await super().load()

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        if random.random() < self._slow_share:
            await asyncio.sleep(self._slow_seconds)
        if random.random() < self._error_share:
            raise MLServerError("feature store: connection timed out", status_code=500)
        response = await super().predict(payload)
        for digit in response.outputs[0].data:
            _PREDICTIONS.labels(int(digit)).inc()
        return response
