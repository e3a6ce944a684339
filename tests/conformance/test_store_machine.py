"""Put, load, crash, evict, expire, part, take over, in any order, on two machines and a shared tier.

What was acknowledged on a machine is found there afterwards: in the session, in order and once, or,
where the two wrote apart from each other, in a fork that has a name.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from machines import Machine
from memory_stores import MemoryTier
from steadyhand_agent.errors import StaleWriter
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.tier import Tier

PLACES = ("a", "b")
place = st.sampled_from(PLACES)


class SharedTier(MemoryTier):
    """One store, seen from one machine, which alone may be cut off from it."""

    def __init__(self, shared: MemoryTier) -> None:
        super().__init__()
        self.kept, self.checkpoints = shared.kept, shared.checkpoints


class Stores(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.shared = MemoryTier()
        self.tiers = {name: SharedTier(self.shared) for name in PLACES}
        self.machines: dict[str, Machine] = {}
        self.states: dict[str, SessionState | None] = dict.fromkeys(PLACES)
        # What was acknowledged where, by session.
        self.acknowledged: dict[str, list[str]] = {name: [] for name in PLACES}
        self.count = 0
        for name in PLACES:
            self._start(name)
        self.states["a"] = self.run(self.machines["a"].begin())
        self.settle()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def _start(self, name: str) -> None:
        tier: Tier = self.tiers[name]

        async def made() -> Machine:
            return Machine(self.folder / name, tier)

        self.machines[name] = self.run(made())

    def settle(self) -> None:
        """Lets the outboxes do what they can, as if a moment passed."""

        async def pause() -> None:
            for machine in self.machines.values():
                for outbox in machine.store._outboxes:
                    # The rest after a failure is time, which does not pass here.
                    outbox.reach._until, outbox.reach._rest = 0.0, 0.0
                    outbox._woken.set()
            for _ in range(30):
                await asyncio.sleep(0.001)

        self.run(pause())

    @rule(name=place, rounds=st.integers(1, 3))
    def put(self, name: str, rounds: int) -> None:
        state = self.states[name]
        if state is None:
            return
        for _ in range(rounds):
            self.count += 1
            text = f"{name}{self.count}"
            before = state.model_copy(deep=True)
            try:
                self.run(self.machines[name].rounds(state, 1, text))
            except StaleWriter:
                self.states[name] = None
                # The part of the round that was kept before the refusal is no acknowledged round.
                assert before.round <= state.round
                return
            self.acknowledged[name].append(f"{text} {state.round}")

    @rule(name=place)
    def take_over(self, name: str) -> None:
        machine = self.machines[name]
        self.settle()
        if self.run(machine.journal.head("s")) is None and "s" not in self.tiers[name].checkpoints:
            return
        if self.tiers[name].away and self.run(machine.journal.head("s")) is None:
            return
        machine.lost.clear()
        self.states[name] = self.run(machine.over())

    @rule(name=place)
    def load(self, name: str) -> None:
        """Looking changes nothing that was acknowledged."""
        if self.run(self.machines[name].journal.head("s")) is not None:
            self.run(self.machines[name].store.load("s"))

    @rule(name=place)
    def crash(self, name: str) -> None:
        """The process is gone; what it had not sent is sent by the next one."""
        machine, self.states[name] = self.machines[name], None

        async def die() -> None:
            for outbox in machine.store._outboxes:
                if outbox._task is not None:
                    outbox._task.cancel()
            await machine.store._leases.close()
            await machine.journal.close()

        self.run(die())
        self._start(name)

    @rule()
    def evict(self) -> None:
        self.shared.checkpoints.clear()
        self.shared.kept.clear()

    @rule()
    def expire(self) -> None:
        """Of the session; its lease and its fence are in another key's hands."""
        self.shared.checkpoints.pop("s", None)

    @rule(name=place)
    def part(self, name: str) -> None:
        self.tiers[name].away = True

    @rule(name=place)
    @precondition(lambda self: any(tier.away for tier in self.tiers.values()))
    def meet(self, name: str) -> None:
        self.tiers[name].away = False
        self.settle()

    @rule(name=place)
    def lose_a_reply(self, name: str) -> None:
        self.tiers[name].lost = 1

    @rule()
    def a_moment(self) -> None:
        self.settle()

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        for name in PLACES:
            wanted = set(self.acknowledged[name])
            if not wanted:
                continue
            found: set[str] = set()
            journal = self.machines[name].journal
            for summary in self.run(journal.sessions()):
                state = self.run(self.machines[name].store._fold(summary.session))
                said = [done.blocks[0]["text"] for done in state.rounds]
                assert [done.number for done in state.rounds] == list(range(1, state.round + 1))
                assert len(set(said)) == len(said)
                assert [s for s in said if s in wanted] == [
                    s for s in self.acknowledged[name] if s in said
                ]
                found |= set(said)
            assert wanted <= found, wanted - found

    def teardown(self) -> None:
        async def end() -> None:
            for machine in self.machines.values():
                await machine.store.close()

        self.run(end())
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)


Stores.TestCase.settings = settings(
    max_examples=2_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStores = Stores.TestCase
