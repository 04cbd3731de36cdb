"""A manifest of examples/ that stands for itself on the real node: what its Rollout says, from apply to delete."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cluster.errors import ClusterError
from cluster.wait import until
from places import EXAMPLE, Place, checked
from story import NAMESPACE


class Example:
    def __init__(self, place: Place, file: str, name: str) -> None:
        self.place = place
        self.name = name
        self.manifest = place.manifest(EXAMPLE.parent / file)
        self._path = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/{name}"

    @property
    def status(self) -> dict[str, Any]:
        return self.place.get(self._path).get("status", {})

    def apply(self, manifest: str = "") -> None:
        """The manifest, or a variant of it."""
        text = manifest or self.manifest
        checked(self.place.kubectl("apply", "-f", "-", input=text), f"kubectl apply of {self.name}")

    def variant(self, setting: str, *more: str) -> str:
        """The manifest with further environment variables after the one that `setting` is."""
        assert setting in self.manifest
        return self.manifest.replace(setting, "\n        - ".join([setting, *more]))

    @contextmanager
    def served(self, seconds: float) -> Iterator["Example"]:
        """Its first revision is stable; in the end nothing is left of it."""
        checked(self.place.kubectl("apply", "-f", str(EXAMPLE / "namespace.yaml")), "kubectl apply of namespace.yaml")
        self.apply()
        try:
            until(
                lambda: self.status.get("stableRevision"), f"the first revision of {self.name} to be stable", seconds,
                check=self._going_well, interval=0.5,
            )  # fmt: skip
            yield self
        finally:
            checked(self.place.kubectl("delete", "-f", "-", input=self.manifest), f"kubectl delete of {self.name}")
            until(self._gone, f"everything of {self.name} to be gone", 120)

    def rolled_back(self, seconds: float) -> dict[str, Any]:
        """The status once a revision is rolled back."""
        until(lambda: self.status.get("rejectedRevision"), "the roll-back", seconds, interval=0.5)
        return self.status

    def healthy_again(self) -> None:
        """With the manifest as it was first."""
        self.apply()
        until(lambda: self.status.get("phase") == "Healthy", "the stable template to mean Healthy", 60)

    def _going_well(self) -> None:
        """Raises what the Rollout says when it has given the revision up, or waits for a person."""
        now = self.status
        if now.get("rejectedRevision") or now.get("phase") in ("Degraded", "Paused"):
            raise ClusterError(f"{now['phase']}: {now['message']}")

    def _gone(self) -> bool:
        kinds = "deployments,jobs,pods,configmaps"
        label = f"sluice.dev/rollout={self.name}"
        return self.place.kubectl("get", kinds, "-n", NAMESPACE, "-l", label, "-o", "name").stdout.strip() == ""
