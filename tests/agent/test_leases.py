"""Who holds a session, and whether they are still there."""

from __future__ import annotations

import os
import subprocess
import sys

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
