"""Files that Neovim shows otherwise than they are: what was agreed to is written, to the byte."""

from __future__ import annotations

import pytest

from editors.neovim import Neovim
from editors.neovim_desk import TASK, Desk, Step, told

# What the file holds, what the agent replaces, and by what.
FILES = {
    "alone.py": (b"a = 1\rb = 2\nc = 3\nd = 4\n", "c = 3", "c = 33"),
    "crlf.py": (b"a = 1\r\nb = 2\r\nc = 3\r\n", "b = 2", "b = 22"),
    "emptied.py": (b"a = 1\n", "a = 1\n", ""),
    "feed.py": ("a = 1\n\fb = 2\nc = '\u2028'\nd = 4\n".encode(), "d = 4", "d = 44"),
    "mark.py": (b"\xef\xbb\xbfa = 1\nb = 2\n", "a = 1", "a = 11"),
    "mark_crlf.py": (b"\xef\xbb\xbfa = 1\r\nb = 2\r\n", "a = 1", "a = 11"),
    "mixed.py": (b"a = 1\r\nb = 2\nc = 3\r\nd = 4\n", "c = 3\r\n", "c = 33\r\n"),
    "no_end.py": (b"a = 1\nb = 2", "b = 2", "b = 22"),
}


def step(blocks: list[Step], expect: list[Step]) -> Step:
    usage = {"input_tokens": 10, "output_tokens": 10}
    usage |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"expect": expect, "blocks": blocks, "stop_reason": "tool_use", "usage": usage}


def block(name: str, id: str, **arguments: str) -> Step:
    return {"type": "tool_use", "id": id, "name": name, "input": arguments | {"reason": "odd"}}


async def waiting(desk: Desk) -> Neovim:
    """A Neovim in which edits of all those files, and an empty new one, wait for a decision."""
    blocks: list[Step] = []
    results: list[Step] = []
    for name, (data, old, new) in FILES.items():
        (desk.workspace / name).write_bytes(data)
        blocks.append(block("edit_file", name, path=name, old_text=old, new_text=new))
        line = data.decode().partition(old)[0].count("\n") + 1
        results.append({"tool": "edit_file", "result": f"Edited `{name}` from line {line}."})
    blocks.append(block("create_file", "made", path="made.py", text=""))
    results.append({"tool": "create_file", "result": "Created `made.py`."})
    done = step([block("finish", "done", summary="Odd files.")], results)
    desk.play([desk.script[0], step(blocks, []), done])
    return await desk.neovim(desk.archive)


async def decided(desk: Desk, nv: Neovim) -> None:
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.sees("1: Apply", "4: Later")
    await nv.keys("4<CR>")
    await nv.until("vim.api.nvim_get_mode().mode == 'n'")
    await nv.ex("Steadyhand apply")


@pytest.mark.parametrize("opened", [False, True])
async def test_what_was_agreed_to_is_written_and_taken_back_to_the_byte(
    desk: Desk, opened: bool
) -> None:
    nv = await waiting(desk)
    # With text that is open, such line ends cannot be kept: that is refused, and said.
    left = ["alone.py", "mixed.py"] if opened else []
    if opened:
        for name in FILES:
            await nv.ex(f"edit {name}")
    await decided(desk, nv)
    await told(nv, "Steadyhand: applied: ")
    for name, (data, old, new) in FILES.items():
        wanted = data if name in left else data.decode().replace(old, new).encode()
        assert (desk.workspace / name).read_bytes() == wanted, name
    assert (desk.workspace / "made.py").read_bytes() == b""
    messages = await nv.lua("return vim.fn.execute('messages')")
    assert "not saved yet" not in messages and "confirmed" not in messages
    for name in left:
        assert f"{name} has line ends that editors count or write in ways of their own" in messages
    await nv.ex("Steadyhand undo")
    await told(nv, "Steadyhand: undone: ")
    for name, (data, _, _) in FILES.items():
        assert (desk.workspace / name).read_bytes() == data, name
    assert not (desk.workspace / "made.py").exists()
    messages = await nv.lua("return vim.fn.execute('messages')")
    assert "not undone" not in messages and "confirmed" not in messages
