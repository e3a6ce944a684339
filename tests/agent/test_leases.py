"""Who holds a session, and whether they are still there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from steadyhand_agent.state import leases
from steadyhand_agent.state.leases import Holder


def test_a_holder_is_told_and_read() -> None:
    us = Holder.ourselves()
    assert Holder.read(us.told()) == us
    assert Holder.ourselves() != us
    assert [Holder.read(nonsense) for nonsense in ("", "{}", "[]", "x", '{"machine": 1}')] == [
        None
    ] * 5
    assert not us.gone()


def test_a_process_that_has_ended_holds_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = Holder(Holder.ourselves().machine, child.pid, "t")
    assert not holder.gone()
    assert child.stdin is not None
    child.stdin.close()
    # Ended, and not asked after yet: it is still listed by the system.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert holder.gone()
    child.wait()
    assert holder.gone()


def test_nobody_can_tell_of_another_machine() -> None:
    assert not Holder("somewhere else", 2**22 - 1, "t").gone()


def test_a_checkout_is_known_by_what_the_machine_was_called_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop has another name in every network, and its sessions must be undone there, too."""
    first = leases.called(tmp_path)
    assert first == leases.machine() == leases.called(None)
    monkeypatch.setattr("platform.node", lambda: "dhcp-17.example")
    assert leases.called(tmp_path) == first
    assert leases.called(tmp_path / "new") == "dhcp-17.example"
    (tmp_path / "machine").write_bytes(b"\xff\xfe")
    assert leases.called(tmp_path) == "dhcp-17.example"
