-- A proposal on screen: its diff first, then the question. Nothing is applied without an answer.
--
-- The server asks with "Show diff" among the answers. That is answered at once; the server then opens
-- the diff (`window/showDocument`) and asks again, and this second question goes to the person. So the
-- diff on screen is always that of the question. One proposal has the screen at a time.

local server = require('steadyhand.server')

local M = {}

---@type { message: string }? the proposal that has the screen
local current

---Suspends the handler, which runs in a coroutine of the client's, until `start` calls back.
---@param start fun(resume: fun(value: any))
local function wait(start)
  local co = assert(coroutine.running(), 'Steadyhand: not in a coroutine')
  start(function(value)
    -- Scheduled: `vim.ui.select` may call back before the coroutine has yielded.
    vim.schedule(function()
      coroutine.resume(co, value)
    end)
  end)
  return coroutine.yield()
end

---Waits until the person is not in the middle of something: keys they type must not answer a question.
---@param message string
local function wait_for_turn(message)
  wait(function(resume)
    local function try()
      local idle = vim.api.nvim_get_mode().mode == 'n' and vim.fn.getcmdwintype() == ''
      if idle and (not current or current.message == message) then
        resume()
      else
        vim.defer_fn(try, 100)
      end
    end
    try()
  end)
end

---Asks when the person is free to answer; nil where they do not.
---@param message string
---@param titles string[]
---@return string?
function M.ask(message, titles)
  wait_for_turn(message)
  local turn = { message = message }
  current = turn
  local choice = wait(function(resume)
    vim.cmd.redraw() -- what was opened just now would else be drawn after the question
    vim.ui.select(titles, { prompt = message, kind = 'steadyhand' }, resume)
  end)
  if current == turn then
    current = nil
  end
  return choice
end

---`window/showMessageRequest`
---@param params lsp.ShowMessageRequestParams
function M.on_question(_, params)
  local titles = vim.tbl_map(function(action)
    return action.title
  end, params.actions or {})
  if vim.list_contains(titles, 'Show diff') then
    wait_for_turn(params.message)
    local turn = { message = params.message }
    current = turn
    vim.defer_fn(function()
      if current == turn then
        current = nil -- no second question came: the session was cancelled meanwhile
      end
    end, 5000)
    return { title = 'Show diff' }
  end
  if not vim.list_contains(titles, 'Later') then
    titles[#titles + 1] = 'Later'
  end
  local choice = M.ask(params.message, titles)
  return choice and choice ~= 'Later' and { title = choice } or vim.NIL
end

---`window/showDocument`: a diff of the server's goes to its own window.
---@param params lsp.ShowDocumentParams
---@param ctx lsp.HandlerContext
function M.on_document(err, params, ctx)
  local path = vim.uri_to_fname(params.uri)
  local session = path:match('/diffs/(%w+)%.diff$')
  if not session then
    return vim.lsp.handlers['window/showDocument'](err, params, ctx)
  end
  M.show(session, vim.fn.readfile(path), ctx.client_id)
  return { success = true }
end

---The buffer that shows a session's diff, or any session's.
---@param session? string
---@return integer?
local function find(session)
  return vim.iter(vim.api.nvim_list_bufs()):find(function(buf)
    local shown = vim.b[buf].steadyhand_session
    return shown and (not session or shown == session)
  end)
end

---@param buf integer
---@param lines string[]
local function write(buf, lines)
  vim.bo[buf].modifiable = true
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].modifiable = false
end

---Accepts or rejects the hunk around the cursor of a diff; nothing is written before an apply.
---@param verb 'accept'|'reject'
function M.decide(verb)
  local session, client = vim.b.steadyhand_session, vim.lsp.get_client_by_id(vim.b.steadyhand_client or -1)
  local line = session and vim.fn.search([[^@@ .* @@ h\d]], 'bcnW') or 0
  local hunk = line > 0 and vim.fn.getline(line):match(' @@ (h%d+) ')
  if not client or not hunk then
    server.say(('there is no hunk of a proposal here to %s.'):format(verb), vim.log.levels.WARN)
    return
  end
  -- The server then says that hunks have changed, and the diff is shown anew.
  server.execute(client, 'proposal.' .. verb, { session = session, hunks = { hunk } }, function() end)
end

---Shows a diff anew, where it is on screen.
---@param session string
---@param client integer
function M.renew(session, client)
  local buf, asked = find(session), vim.lsp.get_client_by_id(client)
  if not buf or not asked then
    return
  end
  local uri = ('steadyhand-proposal://%s/proposal-%s.diff?side=diff'):format(session, session)
  asked:request('steadyhand/document', { uri = uri }, function(err, answer)
    if not err and vim.api.nvim_buf_is_valid(buf) then
      write(buf, vim.split((answer.text:gsub('\n$', '')), '\n'))
    end
  end)
end

---Shows a diff below everything, read-only, without taking the cursor along.
---@param session string
---@param lines string[]
---@param client integer
function M.show(session, lines, client)
  local before = find()
  local win = before and vim.fn.bufwinid(before) or -1
  local buf = find(session)
  if not buf then
    buf = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buf, ('steadyhand://%s.diff'):format(session))
    local function map(keys, what, desc)
      vim.keymap.set('n', keys, what, { buffer = buf, desc = desc })
    end
    map('q', '<Cmd>close<CR>', 'Close the diff')
    map('a', '<Cmd>Steadyhand accept<CR>', 'Accept this hunk')
    map('r', '<Cmd>Steadyhand reject<CR>', 'Reject this hunk')
    map(']c', [[<Cmd>call search('^@@ ', 'W')<CR>]], 'Next hunk')
    map('[c', [[<Cmd>call search('^@@ ', 'bW')<CR>]], 'Hunk before')
  end
  write(buf, lines)
  vim.b[buf].steadyhand_session, vim.b[buf].steadyhand_client = session, client
  if win ~= -1 then
    vim.api.nvim_win_set_buf(win, buf)
  else
    local height = math.max(5, math.floor(vim.o.lines / 2))
    win = vim.api.nvim_open_win(buf, false, { split = 'below', win = -1, height = height })
  end
  vim.bo[buf].bufhidden = 'wipe'
  vim.bo[buf].filetype = 'diff'
  vim.wo[win][0].winbar = (' Steadyhand proposal %s %%=a accept · r reject · :Steadyhand apply | discard '):format(session)
end

---Closes a session's diff where it is shown.
---@param session string
function M.close(session)
  local buf = find(session)
  if buf then
    vim.api.nvim_buf_delete(buf, { force = true })
  end
end

---The server is gone, and its questions with it.
function M.forget()
  current = nil
end

return M
