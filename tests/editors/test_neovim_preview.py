"""Proposals in tabs and in one's own buffers, hunk by hunk, in real Neovims."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from editors.neovim import Neovim
from editors.neovim_desk import (
    SETUP,
    TASK,
    Desk,
    Step,
    answer,
    buffer,
    modified,
    proposed,
    servers,
    told,
)

IMPORT = "from pressroom.text import counted"
# What the demo proposes for the archive: h1 changes the import, h2 puts a function in.
NEW_IMPORT, FUNCTION = f"{IMPORT}, slugify", "def archive_path(post: Post) -> str:"
OFFERED = "Steadyhand proposes 2 files, +19 -1; :Steadyhand apply or discard: Added"

# The names of all marks that a buffer has of ours, by row.
MARKS = """(function(path)
  local buf, found = vim.fn.bufnr(path), {}
  local ns = vim.api.nvim_get_namespaces().steadyhand
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buf, ns, 0, -1, { details = true })) do
    local new = {}
    for _, line in ipairs(mark[4].virt_lines or {}) do
      table.insert(new, { line[1][1], line[1][2] })
    end
    table.insert(found, {
      row = mark[2],
      last = mark[4].end_row,
      group = mark[4].hl_group,
      sign = mark[4].sign_text and vim.trim(mark[4].sign_text),
      label = (mark[4].virt_text or { { '' } })[1][1],
      new = new,
      above = mark[4].virt_lines_above,
    })
  end
  return found
end)(...)"""
SIGNED = """(function(sign, name)
  local ns = vim.api.nvim_get_namespaces().steadyhand
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(buf):find(name, 1, true) then
      for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buf, ns, 0, -1, { details = true })) do
        if vim.trim(mark[4].sign_text or '') == sign then
          return true
        end
      end
    end
  end
end)(...)"""
# What a preview leaves behind: buffers, marks, keys, variables, autocommands.
LEFT = """(function()
  local left = {}
  for _, buf in ipairs(vim.api.nvim_list_bufs()) do
    local name = vim.api.nvim_buf_get_name(buf)
    if vim.startswith(name, 'steadyhand://') then
      table.insert(left, name)
    end
    local ns = vim.api.nvim_get_namespaces().steadyhand
    if ns and #vim.api.nvim_buf_get_extmarks(buf, ns, 0, -1, {}) > 0 then
      table.insert(left, 'marks in ' .. name)
    end
    for _, map in ipairs(vim.api.nvim_buf_get_keymap(buf, 'n')) do
      if vim.startswith(map.desc or '', 'Steadyhand') then
        table.insert(left, map.lhs .. ' in ' .. name)
      end
    end
    if vim.b[buf].steadyhand_session or vim.b[buf].steadyhand_client then
      table.insert(left, 'variables in ' .. name)
    end
  end
  local ok, own = pcall(vim.api.nvim_get_autocmds, { group = 'steadyhand_inline' })
  if ok and #own > 0 then
    table.insert(left, 'autocommands')
  end
  return left
end)()"""


async def offered(desk: Desk, form: str, says: str = OFFERED, file: Any = None) -> Neovim:
    """A Neovim that shows a proposal in a form; nobody has been asked anything."""
    setup = SETUP.replace("setup({", f"setup({{ preview = '{form}',")
    nv = await desk.neovim(file or desk.archive, setup)
    await nv.ex(f"Steadyhand task {TASK}")
    await told(nv, says)
    return nv


async def marks(nv: Neovim, path: object) -> list[dict[str, Any]]:
    return await nv.lua(f"return {MARKS}", str(path))


async def clean(nv: Neovim) -> None:
    await nv.until(f"#{LEFT} == 0")
    assert await nv.lua("return #vim.api.nvim_list_tabpages()") == 1
    assert not await nv.lua("return vim.wo.diff")


async def signed(nv: Neovim, sign: str, name: str) -> None:
    """Waits until a buffer, found by a part of its name, has a sign of ours."""
    await nv.until(SIGNED, sign, name)


def edits(desk: Desk, *calls: tuple[str, dict[str, str], str]) -> None:
    """Has the model do these calls, each with what the tool is to answer."""
    script: list[Step] = [desk.script[0]]
    done = [*calls, ("finish", {"summary": "Done."}, "")]
    for number, (name, given, _) in enumerate(done):
        use = {"type": "tool_use", "id": f"call_{number}", "name": name}
        before = [{"tool": done[number - 1][0], "result": done[number - 1][2]}] if number else []
        script.append({"expect": before, "blocks": [{**use, "input": {**given, "reason": "."}}]})
    desk.play(script)


@pytest.mark.parametrize("form", ["tab", "inline"])
async def test_nothing_is_applied_before_a_word_of_the_persons(desk: Desk, form: str) -> None:
    desk.env["STEADYHAND_PREVIEW"] = "annotations"
    nv = await offered(desk, form)
    await nv.until("require('steadyhand').status():find('waiting')")
    assert await buffer(nv, desk.archive) == desk.before
    assert not await modified(nv, desk.archive)
    desk.untouched()
    await nv.ex("Steadyhand discard")
    await clean(nv)
    assert await buffer(nv, desk.archive) == desk.before
    desk.untouched()


@pytest.mark.parametrize("form", ["tab", "inline"])
async def test_nobody_is_taken_elsewhere_while_they_type(desk: Desk, form: str) -> None:
    nv = await desk.neovim(desk.feeds, SETUP.replace("setup({", f"setup({{ preview = '{form}',"))
    await nv.keys("i")
    await nv.until("vim.fn.mode() == 'i'")
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.until("require('steadyhand').status():find('waiting')")
    await nv.keys("dodp")
    await nv.until("vim.api.nvim_get_current_line():find('dodp')")
    assert await nv.lua("return vim.api.nvim_buf_get_name(0)") == str(desk.feeds)
    await nv.keys("<Esc>u")
    await told(nv, OFFERED)
    [server] = await servers(nv)
    os.kill(server, signal.SIGKILL)
    # Nothing could be decided any more, so nothing is shown that looks as if it could.
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand' }) == 0")
    await clean(nv)
    await nv.ex("Steadyhand restart")
    await nv.until("vim.lsp.get_clients({ name = 'steadyhand', bufnr = 0 })[1] ~= nil")
    await nv.ex("Steadyhand resume")
    await nv.until(f"#{LEFT} > 0")
    desk.untouched()


async def test_tabs_hunk_by_hunk(desk: Desk) -> None:
    nv = await offered(desk, "tab")
    assert await nv.lua("return #vim.api.nvim_list_tabpages()") == 3
    screen = await nv.sees(IMPORT, NEW_IMPORT, FUNCTION, "do accept · dp reject", "h1 ?  h2 ?")
    assert "h2 open" in screen, screen
    assert await nv.lua("return vim.wo.diff and vim.fn.line('.')") == 11
    left = await nv.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)")
    assert "\n".join(left) + "\n" == desk.before
    await nv.keys("do")  # on the side of the file: obtain it
    await nv.sees("h1 ✓  h2 ?")
    await nv.keys("]cdp")  # put the file's own over it
    await nv.sees("h1 ✓  h2 ✗")
    await nv.sees(FUNCTION)  # what was rejected can still be accepted
    await nv.keys("<C-w>ldp")  # on the side of the proposal the same keys go the other way
    await nv.sees("h1 ✓  h2 ✓")
    await nv.keys("do")
    await nv.sees("h1 ✓  h2 ✗")
    await nv.keys("gta")
    await signed(nv, "✓", "proposed/tests/test_archive.py")
    desk.untouched()
    assert not await modified(nv, desk.archive)
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    assert desk.archive.read_text() == desk.before.replace(IMPORT, NEW_IMPORT)
    assert "ArchivePathTest" in desk.new_test.read_text()
    await clean(nv)
    assert await nv.lua("return vim.api.nvim_buf_get_name(0)") == str(desk.archive)


async def test_tabs_close_and_come_again(desk: Desk) -> None:
    nv = await offered(desk, "tab")
    await nv.keys("q")
    await nv.until("#vim.api.nvim_list_tabpages() == 2")
    await nv.ex("tablast | quit")  # one side by hand; the other would be no diff
    await clean(nv)
    await nv.ex("Steadyhand proposal")
    await nv.until("#vim.api.nvim_list_tabpages() == 3")
    await nv.ex("Steadyhand accept h1 h3")
    await nv.sees("h1 ✓  h2 ?")
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    # The file with nothing left to decide about is gone, the other one as it is by now.
    await nv.until("#vim.api.nvim_list_tabpages() == 2")
    await nv.ex("tablast")
    screen = await nv.sees("h2 ?", FUNCTION)
    assert "h1 " not in screen, screen
    left = await nv.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)")
    assert "\n".join(left) + "\n" == desk.archive.read_text()
    await nv.ex("Steadyhand close")
    await clean(nv)
    await nv.until("require('steadyhand').status():find('waiting')")


async def test_inline_hunk_by_hunk(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive, SETUP.replace("setup({", "setup({ preview = 'inline',"))
    await nv.lua("vim.keymap.set('n', ']c', '<Cmd>let g:mine = 1<CR>', { buffer = true })")
    await nv.ex(f"Steadyhand task {TASK}")
    await told(nv, OFFERED)
    # The person's text stands as it was; what would come stands below it.
    screen = await nv.sees(f"? {IMPORT}", f"  {NEW_IMPORT}  h1 open", "new: tests/test_archive.py")
    assert screen.index(IMPORT) < screen.index(NEW_IMPORT)
    assert "class ArchivePathTest" in screen or "import unittest" in screen, screen
    found = await marks(nv, desk.archive)
    [struck] = [mark for mark in found if mark.get("group")]
    assert (struck["row"], struck["last"], struck["group"]) == (10, 11, "SteadyhandOld")
    new = [mark["new"] for mark in found if mark["new"]]
    assert new[0] == [[NEW_IMPORT, "SteadyhandNew"]]
    assert new[1][0] == [FUNCTION, "SteadyhandNew"]
    old, link = await nv.lua(
        "return { vim.api.nvim_get_hl(0, { name = 'SteadyhandOld' }),"
        " vim.api.nvim_get_hl(0, { name = 'SteadyhandNew' }).link }"
    )
    assert old["strikethrough"] and link == "DiffAdd"
    assert await buffer(nv, desk.archive) == desk.before

    await nv.keys("gg]cdo")
    await signed(nv, "✓", "pressroom/archive.py")
    await nv.keys("]c")
    await nv.until("vim.fn.line('.') == 48")
    await nv.sees(f"  {FUNCTION}  h2 open")
    await nv.keys("dp")
    await nv.sees("h2 rejected")
    assert FUNCTION not in nv.screen(), "what is rejected is not drawn"
    await nv.keys("]c")  # on to the file that would come
    await nv.until("vim.fn.expand('%'):find('tests/test_archive.py')")
    await nv.keys("r")
    await nv.sees("h3 rejected")
    await nv.keys("do")
    await nv.sees("h3 accepted")
    desk.untouched()
    assert not await modified(nv, desk.archive)
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    assert desk.archive.read_text() == desk.before.replace(IMPORT, NEW_IMPORT)
    assert desk.new_test.exists()
    await clean(nv)
    await nv.keys("]c")
    await nv.until("vim.g.mine == 1")  # the key that the person had mapped themselves


async def looks(nv: Neovim, text: str) -> list[dict[str, Any]]:
    """How the row with a text looks: its first letter, and the right edge."""
    screen = (await nv.sees(text)).splitlines()
    [number] = [number for number, line in enumerate(screen) if text in line]
    row = nv.grid.rows[number]
    return [nv.grid.looks[row[at].look] for at in (screen[number].index(text), -1)]


async def test_inline_as_it_looks(desk: Desk) -> None:
    nv = await offered(desk, "inline")
    _, edge = await looks(nv, f"? {IMPORT}")
    comes, comes_edge = await looks(nv, f"{NEW_IMPORT}  h1 open")
    assert not edge.get("strikethrough"), "what is struck through is the text alone"
    assert comes["background"] == comes_edge["background"], "the line that comes goes to the edge"
    label, _ = await looks(nv, "h1 open")
    assert label["background"] == comes["background"] and label["foreground"] != comes["foreground"]
    # So does the label of a file that comes, on which Neovim would else leave a hole.
    label, _ = await looks(nv, "h3 open")
    assert label["background"] == comes["background"]


async def test_inline_shows_that_empty_lines_go(desk: Desk) -> None:
    given = {"old_text": '"archive.html"\n\n\n', "new_text": '"archive.html"\n'}
    done = "Edited `pressroom/archive.py` from line 14."
    edits(desk, ("edit_file", {"path": "pressroom/archive.py", **given}, done))
    nv = await offered(desk, "inline", says="; :Steadyhand apply or discard: Done.")
    _, edge = await looks(nv, "h1 open")
    assert edge["strikethrough"]
    desk.untouched()


async def test_inline_follows_what_is_typed_meanwhile(desk: Desk) -> None:
    nv = await offered(desk, "inline")
    await nv.keys("ggO# Mine.<CR># Mine, too.<Esc>")
    await nv.until("vim.fn.line('$') == 60")
    await nv.sees(f"? {IMPORT}", f"  {NEW_IMPORT}  h1 open")
    await nv.until(
        f"vim.iter({MARKS}):any(function(m) return m.row == 12 and m.group end)", str(desk.archive)
    )
    await nv.ex("edit!")  # read anew, and drawn in again
    await nv.until(
        f"vim.iter({MARKS}):any(function(m) return m.row == 10 and m.group end)", str(desk.archive)
    )
    await nv.keys("11GcwFROM<Esc>")
    await nv.sees("h1 conflict")
    assert not [m for m in await marks(nv, desk.archive) if m.get("group")], (
        "nothing of it would go"
    )
    await nv.keys("u")
    await nv.sees(f"  {NEW_IMPORT}  h1 open")
    await nv.ex("Steadyhand close")
    await clean(nv)
    desk.untouched()


async def test_inline_goes_to_a_file_that_is_not_open(desk: Desk) -> None:
    nv = await offered(desk, "inline", file=desk.feeds)
    await nv.until("vim.fn.expand('%:p') == ...", str(desk.archive))
    await nv.sees(f"? {IMPORT}", f"  {NEW_IMPORT}  h1 open")
    assert await nv.lua("return vim.fn.line('.')") == 11
    await nv.ex(f"edit {desk.feeds}")
    await nv.lua("vim.api.nvim_feedkeys(vim.keycode('<Plug>(steadyhand-next)'), 'm', false)")
    await nv.until("vim.fn.expand('%:p') == ...", str(desk.archive))
    await nv.keys("ggVG:Steadyhand accept<CR>")  # all of a range
    await nv.until(
        f"#vim.tbl_filter(function(m) return m.sign == '✓' end, {MARKS}) == 2", str(desk.archive)
    )
    desk.untouched()


@pytest.mark.parametrize("form", ["tab", "inline"])
async def test_files_that_go_move_or_begin_with_the_change(desk: Desk, form: str) -> None:
    first = desk.before.splitlines()[0]
    hidden = "\tif user != 'admin\u202e':"
    edits(
        desk,
        (
            "edit_file",
            {
                "path": "pressroom/archive.py",
                "old_text": f"{first}\n",
                "new_text": f"# {hidden}\n{first}\n",
            },
            "Edited `pressroom/archive.py` from line 1.",
        ),
        (
            "delete_file",
            {"path": "tests/test_text.py"},
            "`tests/test_text.py` is deleted in your proposal.",
        ),
        (
            "rename_file",
            {"path": "pressroom/feeds.py", "new_path": "pressroom/news.py"},
            "`pressroom/feeds.py` is `pressroom/news.py` in your proposal. Mentions of the old path are unchanged.",
        ),
    )
    nv = await offered(desk, form, "; :Steadyhand apply or discard: Done.")
    # What would be hidden is written out, and what the guard remarked stands beside it.
    screen = await nv.sees("user != 'admin<202e>':", "h1 open; ", "pressroom/archive.py")
    assert screen.index("admin<202e>") < screen.index(first[:40]), "it stands above the first line"
    follow = "gt" if form == "tab" else "]c"
    await nv.keys("dp")
    await signed(nv, "✗", "pressroom/archive.py")
    await nv.keys(follow)
    await nv.until("vim.fn.expand('%:t') == 'news.py'")
    moved = await marks(nv, "proposed/pressroom/news.py" if form == "tab" else "pressroom/news.py")
    assert "h4 open; moved from pressroom/feeds.py" in {mark["label"].strip() for mark in moved}
    await nv.keys("a")
    await signed(nv, "✓", "pressroom/news.py")
    await nv.keys(follow)
    await nv.until("vim.fn.expand('%:t') == 'test_text.py'")
    await nv.sees("import unittest", "h2 open")
    if form == "inline":
        [gone] = [m for m in await marks(nv, "tests/test_text.py") if m.get("group")]
        count = await nv.lua("return vim.fn.line('$')")
        assert (gone["row"], gone["last"], gone["group"]) == (0, count, "SteadyhandOld")
    await nv.keys("dp")
    await signed(nv, "✗", "tests/test_text.py")
    desk.untouched()
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: ")
    await clean(nv)
    assert desk.archive.read_text() == desk.before
    assert not desk.feeds.exists() and desk.feeds.with_name("news.py").exists()
    assert (desk.workspace / "tests" / "test_text.py").exists()


async def test_commands_complete_and_have_maps(desk: Desk) -> None:
    nv = await offered(desk, "tab")
    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    verbs = await nv.lua(complete, "Steadyhand ")
    asked_for = "task resume sessions proposal apply discard accept reject undo redo cancel search"
    assert set(asked_for.split()) | {"status", "log", "next", "prev", "close", "transcript"} <= set(
        verbs
    )
    maps = await nv.lua(
        "return vim.tbl_map(function(map) return map.lhs end, vim.api.nvim_get_keymap('n'))"
    )
    assert {f"<Plug>(steadyhand-{verb})" for verb in verbs} <= set(maps)
    ranged = await nv.lua("return vim.fn.maparg('<Plug>(steadyhand-task)', 'x')")
    assert ranged == ":Steadyhand task<CR>"
    assert await nv.lua(complete, "Steadyhand accept ") == ["h1", "h2", "h3"]
    assert await nv.lua(complete, "Steadyhand reject h2 h") == ["h1", "h3"]
    await nv.ex("Steadyhand accept h9")
    await told(nv, "h9")
    session = await nv.lua("return vim.b.steadyhand_session")
    await nv.ex("Steadyhand close")
    await clean(nv)
    assert await nv.lua(complete, f"Steadyhand accept {session} ") == ["h1", "h2", "h3"]
    assert await nv.lua(complete, "Steadyhand discard ") == [session]
    await nv.ex("Steadyhand next")
    await told(nv, "no proposal is shown")
    await nv.ex("Steadyhand accept")
    await told(nv, "there is no hunk of a proposal here to accept.")
    desk.untouched()


async def test_a_range_of_the_diff(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await proposed(nv)
    await answer(nv, 4, "")
    await nv.until("vim.api.nvim_get_mode().mode == 'n'")
    await nv.ex("Steadyhand next")
    await nv.until("vim.bo.filetype == 'diff' and vim.fn.getline('.'):find('h1 open')")
    await nv.keys("]c")
    await nv.until("vim.fn.getline('.'):find('h2 open')")
    await nv.keys("Vgg:Steadyhand reject<CR>")
    await nv.until(
        "vim.fn.search('h1 rejected', 'nw') > 0 and vim.fn.search('h2 rejected', 'nw') > 0"
    )
    assert await nv.lua("return vim.fn.search('h3 open', 'nw')") > 0
    await nv.ex("Steadyhand close")
    await clean(nv)
    desk.untouched()


async def test_health_says_how_proposals_are_shown(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive, SETUP.replace("setup({", "setup({ preview = 'inline',"))
    await nv.ex("checkhealth steadyhand")
    await nv.sees("proposals are shown as inline")
    await nv.lua("vim.g.steadyhand_preview = 'tabs'")
    await nv.ex("checkhealth steadyhand")
    await nv.sees("there is no preview", "ERROR")
