"""The plugin and the server in real Neovims, as a person would use them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import psutil

from editors.neovim import Neovim
from editors.neovim_desk import (
    COMMAND,
    HELD,
    PLUGIN,
    QUESTION,
    TASK,
    Desk,
    Step,
    answer,
    asked,
    buffer,
    modified,
    proposed,
    servers,
    told,
)


async def test_finding_and_quick_fix(desk: Desk) -> None:
    nv = await desk.neovim(desk.feeds)
    found = await nv.until("vim.diagnostic.get(0)[1]")
    assert "_feed_slug" in found["message"] and "slugify" in found["message"]
    await nv.lua("vim.api.nvim_win_set_cursor(0, { ... , 6 })", found["lnum"] + 1)
    await nv.lua(
        "vim.lsp.buf.code_action({ apply = true, filter = function(action)"
        " return vim.startswith(action.title, 'Use `slugify`') end })"
    )
    await nv.until("vim.bo.modified")
    await nv.until("#vim.diagnostic.get(0) == 0")
    text = await buffer(nv, desk.feeds)
    assert text is not None and "_feed_slug" not in text and "slugify(tag)" in text
    compile(text, "feeds.py", "exec")
    await nv.ex("write")
    await nv.until("not vim.bo.modified")
    assert desk.feeds.read_text() == text
    desk.tests_pass()


async def test_works_without_setup(desk: Desk) -> None:
    program = desk.folder / "bin" / "steadyhand"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND[:-1])} "$@"\n')
    program.chmod(0o755)
    desk.env["PATH"] = f"{program.parent}:{desk.env['PATH']}"
    nv = await desk.neovim(desk.feeds, "vim.lsp.enable('steadyhand')")
    await nv.until("vim.diagnostic.get(0)[1]")
    await nv.ex("edit pressroom/archive.py")
    await proposed(nv)


async def test_preview_apply_undo(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    desk.untouched()
    await answer(nv, 4, "")
    assert await buffer(nv, desk.archive) == desk.before, "Later must change nothing"
    assert not await modified(nv, desk.archive)
    desk.untouched()
    status = await nv.lua("return require('steadyhand').status()")
    assert status.startswith("Steadyhand: waiting, round 5/20 ") and status.endswith("/32k"), status

    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    assert "def archive_path" in desk.archive.read_text()
    assert await buffer(nv, desk.archive) == desk.archive.read_text()
    assert desk.new_test.exists()
    desk.tests_pass()
    assert await nv.until("#vim.api.nvim_list_wins() == 1"), "the diff goes with the decision"
    assert await nv.lua("return require('steadyhand').status()") == ""

    await nv.ex(f"Steadyhand undo {session}")
    await told(nv, "Steadyhand: undone: ")
    assert await buffer(nv, desk.archive) == desk.before
    assert await buffer(nv, desk.new_test) is None
    desk.untouched()
    desk.tests_pass()


async def test_hunks_of_the_diff_one_by_one(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await answer(nv, 4, "")
    await nv.until("vim.api.nvim_get_mode().mode == 'n'")
    await nv.lua(
        "vim.api.nvim_set_current_win(vim.fn.bufwinid('steadyhand://' .. ... .. '.diff'))", session
    )
    await nv.ex("call cursor(1, 1)")
    await nv.ex("call search('^+++ b/tests/test_archive.py')")
    await nv.until("vim.fn.getline('.'):find('^+++ b/tests')")
    await nv.keys("]ca")
    await nv.until("vim.fn.search('^@@ .* accepted', 'nw') > 0")
    desk.untouched()
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: tests/test_archive.py.")
    assert desk.new_test.exists()
    assert desk.archive.read_text() == desk.before
    status = await nv.lua("return require('steadyhand').status()")
    assert "waiting" in status, "the rest is still open"
    await nv.until("vim.fn.search('tests/test_archive.py', 'nw') == 0")
    await nv.ex("call cursor(1, 1)")
    await nv.keys("]cr")
    await nv.until("vim.fn.search('^@@ .* rejected', 'nw') > 0")
    await nv.ex(f"Steadyhand undo {session}")
    await told(nv, "Steadyhand: undone: tests/test_archive.py.")
    desk.untouched()
    await nv.ex(f"Steadyhand redo {session}")
    await told(nv, "Steadyhand: redone: tests/test_archive.py.")
    assert desk.new_test.exists()


async def test_discard_changes_nothing(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await proposed(nv)
    await answer(nv, 2, "")
    await nv.until("#vim.api.nvim_list_wins() == 1")
    assert await buffer(nv, desk.archive) == desk.before
    assert not await modified(nv, desk.archive)
    desk.untouched()
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: no session to apply here")


async def test_a_question_waits_for_the_typist(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await nv.keys("i")
    await nv.until("vim.fn.mode() == 'i'")
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.until("require('steadyhand').status():find('waiting')")
    await nv.keys("1<CR>")
    await asyncio.sleep(0.5)
    assert "1: Apply" not in nv.screen(), nv.screen()
    await nv.keys("<Esc>u")
    await asked(nv)
    await answer(nv, 2, "")
    desk.untouched()


async def test_resume_in_a_new_neovim(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await answer(nv, 4, "")
    await nv.quit()
    nv = await desk.neovim(desk.archive)
    await told(nv, f"Steadyhand has 1 session to resume here; the newest is {session}")
    messages = await nv.lua("return vim.fn.execute('messages')")
    assert messages.count("to resume here") == 1, messages
    await nv.ex("Steadyhand resume")
    assert await asked(nv) == session
    await answer(nv, 4, "")
    await nv.until("require('steadyhand').status():find('waiting, round 5/20')")
    desk.untouched()
    await nv.ex("Steadyhand resume")
    assert await asked(nv) == session
    await answer(nv, 1, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    assert "def archive_path" in desk.archive.read_text()
    assert desk.new_test.exists()
    assert not await modified(nv, desk.archive)
    desk.tests_pass()
    await nv.ex("Steadyhand undo")  # the only session that fits
    await told(nv, "Steadyhand: undone")
    desk.untouched()


async def test_server_killed_while_a_proposal_waits(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await answer(nv, 4, "")
    [server] = await servers(nv)
    os.kill(server, signal.SIGKILL)
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand' }) == 0")
    await nv.ex("Steadyhand resume")
    await told(nv, "the server is not running")
    await nv.ex("Steadyhand restart")
    await nv.until("vim.lsp.get_clients({ name = 'steadyhand', bufnr = 0 })[1] ~= nil")
    await nv.ex("Steadyhand resume")
    assert await asked(nv) == session
    await answer(nv, 1, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    desk.tests_pass()


async def test_server_killed_while_the_question_is_open(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    [server] = psutil.Process(
        nv.process.pid
    ).children()  # Neovim itself is asking, and would not say
    server.kill()
    await answer(nv, 1, "quit with exit code 0 and signal 9")
    assert await buffer(nv, desk.archive) == desk.before
    desk.untouched()
    await nv.ex("Steadyhand restart")
    await told(nv, "to resume here")
    await nv.ex("Steadyhand resume")
    assert await asked(nv) == session
    await answer(nv, 1, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    desk.tests_pass()


async def test_server_killed_in_mid_task(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await nv.lua(
        "local client = vim.lsp.get_clients()[1]; "
        "local take = client.handlers['steadyhand/session']; "
        "client.handlers['steadyhand/session'] = function(err, event, ctx)"
        " take(err, event, ctx)"
        " if event.round >= 2 then"
        "  for _, pid in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do"
        "   vim.uv.kill(pid, 'sigkill') end"
        " end "
        "end"
    )
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand' }) == 0")
    await nv.ex("edit")  # reopening starts the server again
    await told(nv, "to resume here")
    await nv.ex("Steadyhand resume")
    await asked(nv)
    desk.untouched()
    await answer(nv, 1, "Steadyhand: applied: pressroom/archive.py, tests/test_archive.py.")
    desk.tests_pass()


async def test_progress_and_cancel(desk: Desk) -> None:
    held = desk.hold(1)
    nv = await desk.neovim(desk.archive, HELD)
    await nv.lua(
        "said = {}; vim.api.nvim_create_autocmd('LspProgress', { callback = function(event)"
        " table.insert(said, vim.inspect(event.data.params.value)) end })"
    )
    await nv.ex("let &statusline = \"%{v:lua.require'steadyhand'.status()}\"")
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.sees("Steadyhand: round 2/20")
    await nv.until("table.concat(said):find('round 2/20', 1, true)")
    await nv.ex("Steadyhand cancel")
    await told(nv, "Cancelled by you; everything so far is kept.")
    await nv.until("require('steadyhand').status() == ''")
    held.unlink()
    desk.untouched()


async def test_a_transcript_goes_on_with_its_session(desk: Desk) -> None:
    held = desk.hold(2)
    nv = await desk.neovim(desk.archive, HELD)
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.until("require('steadyhand').status():find('round 3/20')")
    await nv.ex("Steadyhand transcript")
    await nv.sees("# Add archive_path to the archive")
    text = "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')"
    await nv.until("vim.bo.filetype == 'markdown'")
    await nv.until(f"{text}:find('Refused (duplicate):', 1, true)")
    assert not await nv.lua(f"return {text}:find('## Round 3', 1, true)")
    await nv.keys("7G")
    held.unlink()
    await asked(nv)
    await answer(nv, 2, "")
    await nv.until(f"{text}:find('## What it came to', 1, true)")
    assert await nv.lua("return vim.api.nvim_win_get_cursor(0)[1]") == 7
    assert not await nv.lua("return vim.bo.modifiable or vim.bo.modified")
    await nv.keys("q")
    await nv.until("#vim.api.nvim_list_wins() == 1")
    desk.untouched()


async def test_a_reply_by_the_question_by_words_and_about_lines(desk: Desk) -> None:
    """The script has nothing more to say; that the words came is what is looked at."""
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await nv.lua("vim.ui.input = function(_, done) done('name the test anew') end")
    await answer(nv, 3, "")
    await told(nv, "The recorded session ends")
    await nv.ex(f"buffer {desk.archive.name}")
    await nv.ex("11Steadyhand reply and this line")
    await nv.ex(f"Steadyhand reply {session} once more")
    diff = "vim.api.nvim_set_current_win(vim.fn.bufwinid('steadyhand://' .. ... .. '.diff'))"
    await nv.lua(diff, session)
    await nv.ex("1,2Steadyhand reply not these")
    await nv.ex(f"Steadyhand transcript {session}")
    text = "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')"
    for words in ("name the test anew", "and this line", "once more", "not these"):
        await nv.until(f"{text}:find('## You\\n\\n{words}', 1, true)")
    assert await nv.lua(f"return {text}:find('not these\\n\\nThe selection:', 1, true)")
    assert await nv.lua(f"return {text}:find('from pressroom.text import counted', 1, true)")
    desk.untouched()


async def test_a_text_that_moved_on_while_the_question_stood(desk: Desk) -> None:
    """What the person typed at the very place stays; the rest is applied, and that is said."""
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await nv.keys("4<CR>")  # later
    await nv.ex(f"call bufload('{desk.archive}')")
    imported = "from pressroom.text import counted"
    await nv.lua(
        "local buf = vim.fn.bufnr(...); local lines = vim.api.nvim_buf_get_lines(buf, 0, -1, false);"
        "for i, line in ipairs(lines) do if line == 'from pressroom.text import counted' then"
        " vim.api.nvim_buf_set_lines(buf, i - 1, i, false, { line .. '  # mine' }) end end",
        str(desk.archive),
    )
    await nv.ex(f"Steadyhand apply {session}")
    await told(nv, "was changed on the same lines since")
    text = await buffer(nv, desk.archive)
    assert text is not None
    assert f"{imported}  # mine\n" in text
    assert "def archive_path" in text
    assert "counted, slugify" not in text
    assert desk.new_test.exists()


async def test_selection_is_sent(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await nv.lua(
        "local client = vim.lsp.get_clients()[1]; local request = client.request; sent = {}; "
        "client.request = function(self, method, params, ...)"
        " table.insert(sent, params.arguments and params.arguments[1] or vim.NIL)"
        " return request(self, method, params, ...) "
        "end"
    )
    await nv.keys("16GV18G")
    await nv.keys(f":Steadyhand task {TASK}<CR>")
    await asked(nv)
    await answer(nv, 2, "")
    await nv.keys("18G0fTvee:Steadyhand task<CR>")
    await nv.sees("Steadyhand task:")
    await nv.keys(f"{TASK}<CR>")
    await asked(nv)
    await answer(nv, 2, "")
    await nv.lua(
        "vim.schedule(function() vim.lsp.buf.code_action({ apply = true, filter = function(action)"
        " return action.title:find('do this here') end }) end)"
    )
    await nv.sees("Steadyhand task:")
    await nv.keys(f"{TASK}<CR>")
    await asked(nv)
    await answer(nv, 2, "")
    desk.untouched()
    lines, words, action = [a for a in await nv.lua("return sent") if a and "prompt" in a]
    text = desk.before.splitlines()
    for sent in (lines, words, action):
        assert sent["prompt"] == TASK
        assert sent["uri"] == desk.archive.as_uri()
    assert action["range"]["start"]["line"] == 17
    assert lines["range"] == {
        "start": {"line": 15, "character": 0},
        "end": {"line": 17, "character": len(text[17])},
    }
    start, end = words["range"]["start"], words["range"]["end"]
    assert start["line"] == end["line"] == 17
    assert text[17][start["character"] : end["character"]] == "The posts"


async def test_unsaved_text_of_the_person_is_kept(desk: Desk) -> None:
    read = desk.script[2]["expect"][0]
    read["result"] += f"\n{len(desk.before.splitlines()) + 1}\t# My own line, not saved yet."
    desk.play(desk.script)
    nv = await desk.neovim(desk.archive)
    await nv.keys("Go# My own line, not saved yet.<Esc>")
    await nv.until("vim.bo.modified")
    mine = await buffer(nv, desk.archive)
    session = await proposed(nv)
    await answer(nv, 1, "left unsaved, as you had changes of your own there: pressroom/archive.py")
    text = await buffer(nv, desk.archive)
    assert text is not None
    assert "def archive_path" in text and text.endswith("# My own line, not saved yet.\n")
    assert await modified(nv, desk.archive)
    assert desk.archive.read_text() == desk.before, "the person's buffer is the person's to save"
    await told(nv, "applied, not saved yet: pressroom/archive.py")
    assert desk.new_test.exists()
    await nv.lua("vim.cmd.messages('clear')")
    await nv.ex(f"Steadyhand undo {session}")
    await told(nv, "left unsaved, as you had changes of your own there: pressroom/archive.py")
    await told(nv, "Steadyhand: undone")
    assert await buffer(nv, desk.archive) == mine
    assert await modified(nv, desk.archive)
    desk.untouched()


async def test_unsaved_text_that_the_server_has_not_seen_is_left_alone(desk: Desk) -> None:
    """It is not attached to a README: positions on disk would be other lines in the buffer."""
    readme = desk.workspace / "README.md"
    before = readme.read_text()
    nv = await desk.neovim(desk.archive)
    await nv.ex(f"split {readme}")
    await nv.lua(
        "vim.api.nvim_buf_set_lines(vim.fn.bufnr(...), 0, 0, false, { 'mine' })", str(readme)
    )
    assert await modified(nv, readme)
    answer = await nv.lua(
        "local edit = { documentChanges = { {"
        " textDocument = { uri = vim.uri_from_fname(...), version = vim.NIL },"
        " edits = { { newText = 'theirs', range = {"
        "  start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 1 } } } } } } };"
        "local client = vim.lsp.get_clients({ name = 'steadyhand' })[1];"
        "return require('steadyhand.edits').on_apply(nil, { edit = edit }, { client_id = client.id })",
        str(readme),
    )
    assert answer == {
        "applied": False, "failureReason": "README.md has changes that are not saved",
    }  # fmt: skip
    assert await buffer(nv, readme) == "mine\n" + before
    assert readme.read_text() == before


async def test_ends_of_files_are_kept(desk: Desk) -> None:
    """Neovim has its own mind about last line ends; the disk must hold what was agreed to."""
    last = desk.before.splitlines()[-1]
    added = f"{last}\n\n\ndef archive_path() -> str:\n    return ARCHIVE_INDEX\n"
    calls = [
        ("edit_file", {"path": "pressroom/archive.py", "old_text": f"{last}\n", "new_text": added}),
        ("create_file", {"path": "tests/notes.txt", "text": "no line end"}),
        ("finish", {"summary": "Done."}),
    ]
    results = [
        f"Edited `pressroom/archive.py` from line {len(desk.before.splitlines()) + 1}.",
        "Created `tests/notes.txt`.",
    ]
    script: list[Step] = [desk.script[0]]
    for number, (name, given) in enumerate(calls):
        use = {"type": "tool_use", "id": f"call_{number}", "name": name}
        before = [{"tool": calls[number - 1][0], "result": results[number - 1]}] if number else []
        script.append({"expect": before, "blocks": [{**use, "input": {**given, "reason": "."}}]})
    desk.play(script)
    nv = await desk.neovim(desk.archive)
    await proposed(nv)
    await answer(nv, 1, "Steadyhand: applied: pressroom/archive.py, tests/notes.txt.")
    assert desk.archive.read_text() == desk.before.removesuffix(f"{last}\n") + added
    assert (desk.workspace / "tests" / "notes.txt").read_text() == "no line end\n"
    await nv.ex("Steadyhand undo")
    await told(nv, "Steadyhand: undone")
    assert await buffer(nv, desk.archive) == desk.before
    desk.untouched()


async def test_an_annotated_edit_is_never_applied_silently(desk: Desk) -> None:
    """Neovim announces no preview of its own, whatever the settings say: 0.11 has none."""
    desk.env["STEADYHAND_PREVIEW"] = "annotations"
    nv = await desk.neovim(desk.archive)
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.sees("1: Apply", "2: Discard")
    desk.untouched()


async def test_refusals_are_one_sentence(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await nv.ex("Steadyhand undo nosuch")
    await told(nv, "nosuch")
    messages = await nv.lua("return vim.fn.execute('messages')")
    [told_once] = [line for line in messages.splitlines() if "nosuch" in line]
    assert told_once.startswith("Steadyhand: ") and told_once.endswith("."), messages
    assert "Traceback" not in messages and "-32" not in messages


async def test_sessions_completion_and_health(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await nv.ex("Steadyhand sessions")
    await told(nv, "there is no session yet")
    session = await proposed(nv)
    await answer(nv, 4, "")
    await nv.ex("Steadyhand sessions")
    await nv.sees("Steadyhand sessions", f"1: {session}  waiting   round 5/20", TASK)
    await nv.keys("1<CR>")
    await nv.sees("1: apply", "2: cancel", "3: discard")
    await nv.keys("2<CR>")
    await told(nv, "Cancelled by you")

    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    verbs = await nv.lua(complete, "Steadyhand ")
    assert {"task", "sessions", "resume", "undo", "status", "log", "restart"} <= set(verbs)
    assert await nv.lua(complete, "Steadyhand res") == ["restart", "resume"]
    assert await nv.lua(complete, "Steadyhand resume ") == [session]
    assert await nv.lua(complete, "Steadyhand apply ") == [session]
    assert await nv.lua(complete, "Steadyhand cancel ") == []

    await nv.ex("checkhealth steadyhand")
    await nv.until("vim.bo.filetype == 'checkhealth'")
    report = "\n".join(await nv.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)"))
    assert "ERROR" not in report and "WARNING" not in report, report
    assert "it says: steadyhand " in report and f"serves {desk.workspace}" in report, report
    assert "1 sessions here" in report or "1 session here" in report, report


# Another language server, inside this Neovim, that counts in UTF-8 and knows one thing.
OTHER = """
local function answer(method, params)
  if method == 'initialize' then
    return { capabilities = { referencesProvider = true, positionEncoding = 'utf-8' } }
  end
  if method == 'textDocument/references' then
    _G.asked = params
    local at = { line = 2, character = 0 }
    return { { uri = params.textDocument.uri, range = { start = at, ['end'] = at } } }
  end
end
vim.lsp.start({
  name = 'other',
  root_dir = vim.fn.getcwd(),
  cmd = function()
    return {
      request = function(method, params, callback)
        local found = answer(method, params)
        vim.schedule(function() callback(nil, found) end)
        return true, 1
      end,
      notify = function() return true end,
      is_closing = function() return false end,
      terminate = function() end,
    }
  end,
})
local shown = { lnum = 1, col = 0, message = 'unused', severity = vim.diagnostic.severity.WARN, source = 'other' }
vim.diagnostic.set(vim.api.nvim_create_namespace('other'), 0, { shown })
"""


async def test_what_other_language_servers_know(desk: Desk) -> None:
    notes = desk.workspace / "pressroom" / "notes.py"
    notes.write_text("größe = '😀'; seite = 1\n\nprint(seite)\n")
    calls = [
        ("references", {"path": "pressroom/notes.py", "line": 1, "name": "seite"}),
        ("diagnostics", {"path": "pressroom/notes.py"}),
        ("diagnostics", {"path": "pressroom/feeds.py"}),
        ("finish", {"summary": "Done."}),
    ]
    results = [
        "pressroom/notes.py:3: print(seite)",
        "pressroom/notes.py:2: warning: unused (other)",
        "The editor shows nothing about `pressroom/feeds.py`. A file that is not open may not have "
        "been looked at.",
    ]
    script: list[Step] = [desk.script[0]]
    for number, (name, given) in enumerate(calls):
        use = {"type": "tool_use", "id": f"call_{number}", "name": name}
        before = [{"tool": calls[number - 1][0], "result": results[number - 1]}] if number else []
        script.append({"expect": before, "blocks": [{**use, "input": {**given, "reason": "."}}]})
    desk.play(script)
    nv = await desk.neovim(notes)
    await nv.lua(OTHER)
    await nv.until("#vim.lsp.get_clients({ name = 'other', bufnr = 0 }) == 1")
    await nv.ex("Steadyhand task look around")
    await told(nv, "Done.")
    # 13 UTF-16 units or characters, and more bytes: it is asked as it counts.
    asked = await nv.lua("return _G.asked.position")
    assert asked == {"line": 0, "character": len("größe = '😀'; ".encode())}


async def test_trust_is_asked_for(desk: Desk) -> None:
    (desk.workspace / "steadyhand.toml").write_text('checks = { tests = "pytest -q" }\n')
    nv = await desk.neovim(desk.archive)
    await told(nv, "until you trust this workspace")
    await nv.ex("Steadyhand trust")
    await nv.sees("tests = pytest -q", "1: Yes", "2: No")
    await answer(nv, 1, "Trusted: tests = pytest -q.")
    assert (desk.folder / "state" / "trust.json").exists()
    await nv.ex("Steadyhand trust revoke")
    await told(nv, "no longer trusted.")


async def test_a_spent_budget_is_asked_about_once_and_the_task_goes_on(desk: Desk) -> None:
    desk.env["STEADYHAND_MAX_ROUNDS"] = "4"
    nv = await desk.neovim(desk.archive)
    await nv.ex(f"Steadyhand task {TASK}")
    screen = await nv.sees("All 4 rounds are used", "1: Continue (+2 rounds)", "2: Later")
    assert "3:" not in screen
    desk.untouched()
    await nv.keys("1<CR>")
    await nv.sees(*QUESTION, "+++ b/pressroom/archive.py")


async def test_it_attaches_to_every_language_that_is_indexed(desk: Desk) -> None:
    other = desk.workspace / "count.ts"
    other.write_text(
        "export function count(words: string[]): number {\n  return words.length;\n}\n"
    )
    nv = await desk.neovim(other)
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand', bufnr = 0 }) == 1")


def _another_project(desk: Desk) -> Path:
    other = desk.folder / "other"
    shutil.copytree(desk.workspace, other)
    return other


async def _both_projects(desk: Desk) -> tuple[Neovim, Path]:
    """A Neovim with a file of each open, and two servers; it is in the second one's."""
    other = _another_project(desk)
    nv = await desk.neovim(desk.archive)
    await nv.ex(f"edit {other}/pressroom/archive.py")
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand' }) == 2")
    await nv.until("vim.lsp.get_clients({ name = 'steadyhand', bufnr = 0 })[1] ~= nil")
    return nv, other


ROOT_HERE = "(require('steadyhand.server').client() or {}).root_dir"


async def test_a_command_goes_to_the_project_of_the_file(desk: Desk) -> None:
    """A README is attached to no server; its project's is meant, not the one that came first."""
    nv, other = await _both_projects(desk)
    for folder in (other, desk.workspace):
        await nv.lua("vim.cmd.edit(...)", str(folder / "README.md"))
        assert await nv.lua(f"return {ROOT_HERE}") == str(folder)
        await nv.lua("vim.cmd.edit(...)", str(folder / "not" / "there" / "yet.md"))
        assert await nv.lua(f"return {ROOT_HERE}") == str(folder)
    (desk.folder / "link").symlink_to(other)
    await nv.lua("vim.cmd.edit(...)", str(desk.folder / "link" / "README.md"))
    assert await nv.lua(f"return {ROOT_HERE}") == str(other)
    for folder in (other, desk.workspace):
        await nv.lua("vim.cmd.edit(...)", str(folder / "pressroom" / "archive.py"))
        await nv.lua("vim.cmd.enew()")
        assert await nv.lua(f"return {ROOT_HERE}") == str(folder), "a buffer without a file"


async def test_a_file_of_no_project_is_told(desk: Desk) -> None:
    nv, _ = await _both_projects(desk)
    notes = desk.folder / "notes.md"
    notes.write_text("Mine.\n")
    await nv.lua("vim.cmd.edit(...)", str(notes))
    await nv.ex(f"Steadyhand task {TASK}")
    await told(nv, "notes.md lies in no project that a server runs for;")
    assert not (await nv.lua("return require('steadyhand').status()"))


async def test_the_end_of_one_server_leaves_the_other_project_alone(desk: Desk) -> None:
    other = _another_project(desk)
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await answer(nv, 4, "")
    await nv.ex(f"tabedit {other}/pressroom/archive.py")
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand' }) == 2")
    await nv.until("vim.lsp.get_clients({ name = 'steadyhand', bufnr = 0 })[1] ~= nil")
    await nv.lua("vim.lsp.get_clients({ name = 'steadyhand', bufnr = 0 })[1]:stop(true)")
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand' }) == 1")
    # What is done at the end of a server has been by then: a later one would be scheduled later.
    await nv.lua("vim.wait(100, function() end)")
    assert (await nv.lua("return require('steadyhand').status()")).startswith("Steadyhand: waiting")
    assert await nv.lua("return vim.fn.bufexists('steadyhand://' .. ... .. '.diff')", session)
    await nv.lua("vim.lsp.get_clients({ name = 'steadyhand' })[1]:stop(true)")
    await nv.until("vim.fn.bufexists('steadyhand://' .. ... .. '.diff') == 0", session)
    assert await nv.lua("return require('steadyhand').status()") == ""


async def test_characters_are_sent_where_the_selection_was_meant(desk: Desk) -> None:
    """A range that was typed or scripted is its lines, whatever was selected there before."""
    nv = await desk.neovim(desk.archive)
    await nv.lua(
        "sent = {}; require('steadyhand.server').execute = function(_, _, given)"
        " sent[given.prompt] = given.range end"
    )
    await nv.lua("vim.keymap.set('x', 'gs', ':Steadyhand task mapped<CR>')")
    await nv.lua("vim.keymap.set('x', 'gp', '<Plug>(steadyhand-task)')")
    select = "18G0fTve"
    typed = (
        f"{select}<Esc>:18Steadyhand task line<CR>",
        ":.Steadyhand task here<CR>",
        ":16,18Steadyhand task lines<CR>",
        f"{select}:Steadyhand task selection<CR>",
        f"{select}:Steady task short<CR>",
        f"{select}:<C-u>silent '<lt>,'>Steadyhand task again<CR>",
        f"{select}gs",
        f"{select}gpplug<CR>",
        f"{select}:<C-u>18Steadyhand task line_then<CR>",
        f"{select}:Steadyhand task given_up<Esc>:18Steadyhand task line_after<CR>",
    )
    for keys in typed:
        await nv.keys(keys)
        if "gp" in keys:
            await nv.sees("Steadyhand task: plug")
    await nv.until("sent.line_after")
    await nv.lua("vim.cmd('18Steadyhand task script')")
    await nv.ex("set selection=exclusive")
    await nv.keys(f"{select}:Steadyhand task exclusive<CR>")
    await nv.until("sent.exclusive")
    sent = await nv.lua("return sent")
    text = desk.before.splitlines()[17]
    for whole in ("line", "here", "line_then", "line_after", "script"):
        assert sent[whole]["start"] == {"line": 17, "character": 0}, whole
        assert sent[whole]["end"] == {"line": 17, "character": len(text)}, whole
    assert sent["lines"]["start"]["line"] == 15
    taken = {
        prompt: text[place["start"]["character"] : place["end"]["character"]]
        for prompt, place in sent.items()
        if prompt in ("selection", "short", "again", "mapped", "plug", "exclusive")
    }
    assert taken == dict.fromkeys(taken, "The") and len(taken) == 6


async def test_what_a_cancelled_session_proposes_can_be_shown_and_applied(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await answer(nv, 4, "")
    await nv.ex("Steadyhand cancel")
    await told(nv, "Cancelled by you")
    await nv.until("#vim.api.nvim_list_wins() == 1")
    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    for verb in ("apply", "proposal"):
        assert await nv.lua(complete, f"Steadyhand {verb} ") == [session]
    assert await nv.lua(complete, "Steadyhand discard ") == []
    await nv.ex("Steadyhand proposal")
    await nv.sees("+++ b/pressroom/archive.py", f"Steadyhand proposal {session}")
    await nv.ex("wincmd j")
    await nv.ex("call cursor(1, 1)")
    await nv.ex("call search('^+++ b/tests/test_archive.py')")
    await nv.until("vim.fn.getline('.'):find('^+++ b/tests')")
    await nv.keys("]ca")
    await nv.until("vim.fn.search('^@@ .* accepted', 'nw') > 0")
    await nv.ex("wincmd k")
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: tests/test_archive.py.")
    await nv.ex("Steadyhand apply")
    await told(nv, "Steadyhand: applied: pressroom/archive.py.")
    desk.tests_pass()
    assert await nv.lua(complete, "Steadyhand apply ") == []


async def test_a_paused_session_that_proposes_nothing_is_not_offered_to_apply(desk: Desk) -> None:
    held = desk.hold(1)
    nv = await desk.neovim(desk.archive, HELD)
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.until("require('steadyhand').status():find('round 2/20')")
    [server] = await servers(nv)
    os.kill(server, signal.SIGKILL)
    await nv.until("#vim.lsp.get_clients({ name = 'steadyhand' }) == 0")
    held.unlink()
    await nv.ex("Steadyhand restart")
    await told(nv, "to resume here")
    for verb in ("apply", "discard", "proposal"):
        complete = "return vim.fn.getcompletion(..., 'cmdline')"
        assert await nv.lua(complete, f"Steadyhand {verb} ") == []
    await nv.ex("Steadyhand apply")
    await told(nv, "no session to apply here; it would have to be one with open hunks.")


async def test_the_status_after_a_restart(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    session = await proposed(nv)
    await answer(nv, 4, "")
    before = await nv.lua("return require('steadyhand').status()")
    await nv.quit()
    nv = await desk.neovim(desk.archive)
    assert await nv.until("require('steadyhand').status():find('waiting')")
    assert await nv.lua("return require('steadyhand').status()") == before
    await nv.ex("Steadyhand status")
    await told(nv, before)
    await nv.ex(f"Steadyhand cancel {session}")
    await nv.until("require('steadyhand').status() == ''")


async def test_the_status_is_of_the_session_that_works(desk: Desk) -> None:
    """One that ends beside it has moved last, and is not what a person would mean."""
    nv = await desk.neovim(desk.archive, HELD)
    first = await proposed(nv)
    await answer(nv, 4, "")
    held = desk.hold(0)
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.until("require('steadyhand').status():find('round 1/20')")
    await nv.ex(f"Steadyhand discard {first}")
    await told(nv, "Discarded")
    status = await nv.lua("return require('steadyhand').status()")
    assert status.startswith("Steadyhand: round 1/20"), status
    await nv.ex("Steadyhand cancel")
    await nv.until("require('steadyhand').status() == ''")
    held.unlink()


async def test_a_deleted_session_has_no_status(desk: Desk) -> None:
    desk.env["STEADYHAND_MAX_ROUNDS"] = "2"
    nv = await desk.neovim(desk.archive)
    await nv.ex(f"Steadyhand task {TASK}")
    await nv.sees("2: Later")
    await nv.keys("2<CR>")
    await nv.until("require('steadyhand').status():find('paused')")
    await nv.ex("Steadyhand delete")
    await told(nv, "is deleted")
    await nv.until("require('steadyhand').status() == ''")


async def test_health_of_a_program_of_ones_own(desk: Desk) -> None:
    program = desk.folder / "serve"
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    nv = await desk.neovim(
        desk.archive, f"require('steadyhand').setup({{ cmd = {{ '{program}' }} }})"
    )
    await nv.ex("checkhealth steadyhand")
    await nv.until("vim.bo.filetype == 'checkhealth'")
    report = "\n".join(await nv.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)"))
    assert "ERROR" not in report and "WARNING" not in report, report
    assert f"the program is {program}" in report and "its server is steadyhand " in report, report


async def test_the_help_is_there_as_the_readme_says(desk: Desk) -> None:
    plugin = desk.folder / "plugin"
    shutil.copytree(PLUGIN, plugin)
    nv = await desk.neovim(setup=f"vim.o.rtp = '{plugin},' .. vim.o.rtp")
    await nv.ex(f"helptags {plugin}/doc")
    for tag in ("steadyhand", ":Steadyhand", "steadyhand-proposals"):
        await nv.ex(f"help {tag}")
        await nv.until("vim.bo.filetype == 'help' and vim.fn.getline('.'):find(..., 1, true)", tag)
    assert ":helptags" in (PLUGIN / "README.md").read_text()


async def test_q_in_the_last_window(desk: Desk) -> None:
    nv = await desk.neovim(desk.archive)
    await proposed(nv)
    await answer(nv, 4, "")
    await nv.until("vim.api.nvim_get_mode().mode == 'n'")
    for shown in ("%.diff$", "/transcript.md$"):
        if shown.startswith("/"):
            await nv.ex("Steadyhand transcript")
            await nv.until("vim.bo.filetype == 'markdown'")
        await nv.ex("wincmd b | only")
        await nv.until("#vim.api.nvim_list_wins() == 1 and vim.fn.bufname():find(...)", shown)
        await nv.keys("q")
        await nv.until("vim.api.nvim_buf_get_name(0) == ...", str(desk.archive))
        assert await nv.lua("return vim.v.errmsg") == ""
    assert len(await nv.lua("return vim.api.nvim_list_wins()")) == 1


async def test_words_and_completion_where_there_is_nothing_yet(desk: Desk) -> None:
    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    nv = await desk.neovim()
    assert await nv.lua(complete, "Steadyhand apply ") == []
    assert await nv.lua(complete, "Steadyhand accept ") == []
    assert await nv.lua("return vim.fn.execute('messages')") == ""
    await nv.quit()
    nv = await desk.neovim(desk.archive)
    for verb in ("transcript", "undo", "apply"):
        await nv.lua("vim.cmd('messages clear')")
        await nv.ex(f"Steadyhand {verb}")
        await told(nv, "Steadyhand: there is no session yet; :Steadyhand task starts one.")
    session = await proposed(nv)
    await answer(nv, 4, "")
    for line in ("Steady apply ", "silent Steadyha apply ", "Stea  apply "):
        assert await nv.lua(complete, line) == [session], line
    assert await nv.lua(complete, "'<,'>St ta") == ["task"]
