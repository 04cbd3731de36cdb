// A load test by k6, in the shape that Sluice asks for, with its result as the last line of the output.
//
//     SLUICE_URL=http://localhost:8080 SLUICE_LOAD_TEST='{"steps": [{"seconds": 60, "rate": 50}]}' k6 run k6.js
//
// For a `loadTest` of `job`: docs/load-tests.md. The image must hold this file and result.mjs.
import http from "k6/http";
import { Counter } from "k6/metrics";
import { counterOf, counters, resultLine } from "./result.mjs";

const CONFIG = JSON.parse(__ENV.SLUICE_LOAD_TEST);
const BODY = JSON.stringify({ inputs: [{ name: "x", shape: [1, 4], datatype: "FP32", data: [0, 0, 0, 0] }] });

const classes = Object.fromEntries(counters.map((name) => [name, new Counter(name)]));
const requests = new Counter("sluice_requests");
const failures = new Counter("sluice_failures");

// Arrivals at the asked rate, whether answers come or not.
const scenarios = {};
let begin = 0;
CONFIG.steps.forEach((step, i) => {
  scenarios[`step_${i}`] = {
    executor: "constant-arrival-rate", startTime: `${begin}s`, duration: `${step.seconds}s`, gracefulStop: "30s",
    rate: Math.round(step.rate * 60), timeUnit: "60s", preAllocatedVUs: Math.ceil(step.rate),
    maxVUs: Math.ceil(10 * step.rate),
  };
  begin += step.seconds;
});
export const options = { scenarios, discardResponseBodies: true };

export default function () {
  const params = { headers: { "Content-Type": "application/json" }, timeout: "30s" };
  const answer = http.post(`${__ENV.SLUICE_URL}/v2/models/${CONFIG.model || "digits"}/infer`, BODY, params);
  requests.add(1);
  if (answer.status !== 200) failures.add(1);
  classes[counterOf(answer.timings.duration)].add(1);
}

export function handleSummary(data) {
  return { stdout: resultLine(data, CONFIG, Date.now()) + "\n" };
}
