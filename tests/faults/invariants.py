"""What must never be seen at the API server, whatever breaks. Checked on the changes of a run in their true order.

 1. Intent before action: no revision's share on the route is above what the status had said before.
 2. Nobody is sent to a revision without ready endpoints, nor is a revision scaled to none while it is sent to.
 3. Every saved status is consistent: its weights sum to 100, are steps of the stage, and only climb until the end.
 4. No weight before the Jobs of all stages that test are complete, and no two Jobs of one attempt.
 5. History is only added to; stable changes only to the candidate, and together with an entry that says Promoted.
"""

from fractions import Fraction

from journal import Change, Object
from played import shares
from scenario import WEIGHTS

_PARTING = Fraction(2, 1_000_000)  # what a backend gets in the step before it gets nothing
_ALLOWED = (0, *WEIGHTS, 100)


def broken(changes: list[Change]) -> list[str]:
    """What was broken, one line each; empty: nothing."""
    replay = Replay()
    for change in changes:
        replay.see(change)
    return replay.problems


class Replay:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self._status: Object = {}
        self._shares: dict[str, Fraction] = {}
        self._route_generation = 0
        self._replicas: dict[str, int] = {}
        self._ready: dict[str, int] = {}  # by the name of the slice's Service
        self._jobs: dict[tuple[str, str], str] = {}  # uid by stage and attempt
        self._complete: set[str] = set()  # stages

    def see(self, change: Change) -> None:
        if change.type == "DELETED":
            return
        getattr(self, f"_see_{change.kind}", lambda _: None)(change)

    def _say(self, change: Change, what: str) -> None:
        self.problems.append(f"at version {change.version}, {change.kind} {change.name}: {what}")

    # -- the route ---------------------------------------------------------------------------------

    def _see_httproutes(self, change: Change) -> None:
        generation = change.object["metadata"]["generation"]
        if generation == self._route_generation:
            return  # only its status
        self._route_generation = generation
        now = {revision: share for (_, revision), share in shares(change.object).items()}
        if not now:
            self._say(change, "nobody is sent anything")
        for revision, share in now.items():
            if share > self._allowed(revision) + _PARTING:
                allowed = float(self._allowed(revision))
                self._say(change, f"{revision} gets {float(share):.2%} and the status allows {allowed:.0%}")
            if share > max(self._shares.get(revision, 0), _PARTING) and not self._ready_of(change, revision):
                self._say(change, f"{revision} gets {float(share):.2%} without a ready endpoint")
        self._shares = now

    def _allowed(self, revision: str) -> Fraction:
        traffic = self._status.get("traffic", {})
        if revision == self._status.get("stableRevision"):
            return Fraction(1)  # stable may serve all at any time
        if revision == self._status.get("candidateRevision"):
            return Fraction(traffic.get("candidate", 0), 100)
        return Fraction(0)

    def _ready_of(self, change: Change, revision: str) -> int:
        return self._ready.get(f"{change.name}-{revision}", 0)

    # -- pods --------------------------------------------------------------------------------------

    def _see_endpointslices(self, change: Change) -> None:
        service = change.object["metadata"]["labels"].get("kubernetes.io/service-name", "")
        endpoints = change.object.get("endpoints") or []
        self._ready[service] = sum(e.get("conditions", {}).get("ready", False) for e in endpoints)

    def _see_deployments(self, change: Change) -> None:
        rollout, _, revision = change.name.rpartition("-")
        replicas = change.object["spec"]["replicas"]
        was = self._replicas.get(revision, replicas)
        self._replicas[revision] = replicas
        share = self._shares.get(revision, Fraction(0))
        if was > 0 and replicas == 0 and share > _PARTING:
            self._say(change, f"scaled to none while it gets {float(share):.2%} of the requests of {rollout}")

    # -- tests -------------------------------------------------------------------------------------

    def _see_jobs(self, change: Change) -> None:
        labels, uid = change.object["metadata"]["labels"], change.object["metadata"]["uid"]
        stage, attempt = labels["sluice.dev/stage"], labels["sluice.dev/attempt"]
        if self._jobs.setdefault((stage, attempt), uid) != uid:
            self._say(change, f"a second Job of attempt {attempt} of {stage}")
        conditions = change.object.get("status", {}).get("conditions") or []
        if any(c["type"] == "Complete" and c["status"] == "True" for c in conditions):
            self._complete.add(stage)

    # -- the status --------------------------------------------------------------------------------

    def _see_rollouts(self, change: Change) -> None:
        status = change.object.get("status", {})
        before, self._status = self._status, status
        if not status or status == before:
            return
        self._check_traffic(change, before, status)
        self._check_tested(change, status)
        self._check_history(change, before, status)

    def _check_traffic(self, change: Change, before: Object, status: Object) -> None:
        traffic = status["traffic"]
        candidate = traffic["candidate"]
        if traffic["stable"] + candidate != 100 or candidate not in _ALLOWED:
            self._say(change, f"weights {traffic['stable']} and {candidate}")
        if candidate > 0 and not status.get("candidateRevision"):
            self._say(change, f"a weight of {candidate} for no candidate")
        same = status.get("candidateRevision") and status.get("candidateRevision") == before.get("candidateRevision")
        if same and candidate < before["traffic"]["candidate"]:
            self._say(change, f"the weight fell from {before['traffic']['candidate']} to {candidate}")

    def _check_tested(self, change: Change, status: Object) -> None:
        stages = change.object["spec"]["stages"]
        tests = {stage["name"] for stage in stages if "systemTest" in stage or "loadTest" in stage}
        if status["traffic"]["candidate"] > 0 and not tests <= self._complete:
            self._say(change, f"a weight before {', '.join(sorted(tests - self._complete))} was complete")

    def _check_history(self, change: Change, before: Object, status: Object) -> None:
        entries, known = status.get("history", []), before.get("history", [])
        if entries[len(entries) - len(known) :] != known:
            self._say(change, f"the history was rewritten: {known} became {entries}")
        added = entries[: len(entries) - len(known)]
        if len(added) > 1:
            self._say(change, f"{len(added)} entries were added at once: {added}")
        stable, was = status.get("stableRevision"), before.get("stableRevision")
        if stable == was:
            return
        promoted = [entry for entry in added if entry["outcome"] == "Promoted" and entry["revision"] == stable]
        if not promoted or (before and stable != before.get("candidateRevision")):
            self._say(change, f"stable became {stable}, while {before.get('candidateRevision')} was the candidate")
