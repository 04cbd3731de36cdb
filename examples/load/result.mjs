// From what k6 counts to the one line that Sluice reads (docs/load-tests.md).
//
// k6 keeps quantiles of a trend, not its histogram: so each class of response times is a counter of its own. Classes
// grow by 5 %, from 0.1 ms to 60 s.
const GROWTH = 1.05;
const FIRST = Math.round(Math.log(0.1) / Math.log(GROWTH));
const LAST = Math.round(Math.log(60000) / Math.log(GROWTH));

const nameOf = (index) => `sluice_class_${index - FIRST}`;

// The names of all counters: k6 wants them made before the load.
export const counters = Array.from({ length: LAST - FIRST + 1 }, (_, i) => nameOf(FIRST + i));

// The name of the counter that a response time belongs to.
export function counterOf(milliseconds) {
  const index = Math.round(Math.log(Math.max(milliseconds, 0.1)) / Math.log(GROWTH));
  return nameOf(Math.min(index, LAST));
}

// The line, from the argument of handleSummary. `config` is SLUICE_LOAD_TEST, `now` milliseconds since 1970.
export function resultLine(data, config, now) {
  const count = (name) => (data.metrics[name] ? data.metrics[name].values.count : 0);
  const responseTimes = {};
  counters.forEach((name, i) => {
    if (count(name)) responseTimes[Number((GROWTH ** (FIRST + i)).toPrecision(4))] = count(name);
  });
  const asked = config.steps.reduce((sum, step) => sum + step.seconds * step.rate, 0);
  const seconds = config.steps.reduce((sum, step) => sum + step.seconds, 0);
  const requests = count("sluice_requests");
  const dropped = count("dropped_iterations"); // k6 had no free virtual user for them
  const vus = data.metrics.vus_max ? data.metrics.vus_max.values.max : 0;
  return JSON.stringify({
    kind: "LoadTestResult",
    apiVersion: "sluice.dev/v1alpha1",
    startedAt: (now - data.state.testRunDurationMs) / 1000,
    windows: [
      {
        at: 0, seconds, askedRate: asked / seconds, users: vus, requests, failures: count("sluice_failures"),
        responseTimes,
      },
    ],
    errors: count("sluice_failures") ? [{ what: "not HTTP 200", count: count("sluice_failures") }] : [],
    generator: {
      tool: "k6",
      saturated: dropped > 0.05 * (requests + dropped),
      why: dropped > 0 ? `${dropped} iterations dropped: give it more maxVUs` : "",
    },
  });
}
