"""Starts, stops and disturbs the components of one cluster."""

import signal
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from . import process, wait
from .component import Component, Site
from .errors import ClusterError
from .process import Process
from .state import State

# Seconds until a component that was asked to end is made to. Clients that watch keep a graceful stop
# of the API server waiting for a minute.
GRACE = {"kube-apiserver": 3}


class Runner:
    """Knows the components by name; what runs is in the state file, so another program can go on.

    `describe` is asked for the components when the first is started or stopped: describing them
    writes their configuration files, which a mere look at a cluster must not do.
    """

    def __init__(self, site: Site, state: State, describe: Callable[[], Iterable[Component]]) -> None:
        self._site = site
        self._state = state
        self._describe = describe
        self._described: dict[str, Component] = {}

    def start(self, *names: str) -> None:
        """Start components together, then wait until each works."""
        for name in names:
            self._launch(self._component(name))
        for name in names:
            self._await(self._component(name))

    def launch(self, *names: str) -> None:
        """Start components without waiting for them."""
        for name in names:
            self._launch(self._component(name))

    def await_ready(self, *names: str) -> None:
        for name in names:
            self._await(self._component(name))

    def running(self, name: str) -> Process | None:
        return self._state.process(name)

    def stop(self, name: str) -> None:
        """Stop one component gracefully, with what it left behind."""
        component = self._component(name)
        running = self._state.process(name)
        if running:
            running.terminate(GRACE.get(name, 10))
        self._after(component)

    def kill(self, name: str) -> None:
        """End one component as a crash would."""
        component = self._component(name)
        running = self._state.process(name)
        if running:
            running.kill()
        self._after(component)

    def freeze(self, name: str) -> None:
        """Stop it from running without closing its connections: a hang, or a partition."""
        running = self.running(name)
        if not running or not running.send(signal.SIGSTOP):
            raise ClusterError(f"{name} does not run, so it cannot be frozen: start it first.")

    def thaw(self, name: str) -> None:
        running = self.running(name)
        if running:
            running.send(signal.SIGCONT)

    def stop_all(self) -> None:
        """Stop everything, the youngest first."""
        for name in reversed(list(self._state.processes)):
            running = self._state.process(name)
            if running:
                running.terminate(GRACE.get(name, 10))

    def _component(self, name: str) -> Component:
        if not self._described:
            self._described = {component.name: component for component in self._describe()}
        try:
            return self._described[name]
        except KeyError:
            raise ClusterError(
                f"This cluster has no component {name!r}: it has {', '.join(self._described)}."
            ) from None

    def _launch(self, component: Component) -> None:
        if self._state.process(component.name):
            return
        listeners = {name: self._listen(name, port) for name, port in component.sockets.items()}
        argv = [argument.format(**{n: s.fileno() for n, s in listeners.items()}) if listeners else argument
                for argument in component.argv]  # fmt: skip
        started = process.spawn(
            self._site.namespaces.enter(argv, component.mounts),
            self._site.log(component.name),
            component.env,
            [listener.fileno() for listener in listeners.values()],
        )
        self._state.record(component.name, started)
        for listener in listeners.values():
            listener.close()

    def _listen(self, name: str, port: int) -> socket.socket:
        """A listening socket of the host; the port that it got is kept for a restart."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wanted = self._state.ports.get(name) or port
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError as problem:
            raise ClusterError(f"Port {wanted} of this machine is taken ({problem}): choose another one.") from None
        listener.listen(512)
        self._state.ports[name] = listener.getsockname()[1]
        return listener

    def _await(self, component: Component) -> None:
        log = self._site.log(component.name)

        def still_running() -> None:
            if not self._state.process(component.name):
                words = process.tail(log)
                raise ClusterError(f"{component.name} ended while it was starting; its last words in {log}:\n{words}")

        try:
            wait.until(component.ready, f"{component.name} to work", component.timeout, still_running)
        except ClusterError as problem:
            if "last words" in str(problem):
                raise
            raise ClusterError(f"{problem} Its log is {log}, and ends with:\n{process.tail(log)}") from None

    def _after(self, component: Component) -> None:
        self._state.forget(component.name)
        if component.children:
            left = [one for one in self._site.namespaces.processes() if _name(one) in component.children]
            process.stop(left, GRACE.get(component.name, 10))


def _name(one: Process) -> str:
    try:
        return Path(f"/proc/{one.pid}/comm").read_text().strip()
    except OSError:
        return ""
