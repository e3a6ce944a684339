-- A proposal on screen: its preview first, then the question. Nothing is applied without an answer.
--
-- The server asks with "Show diff" among the answers. That is answered at once; the server then opens
-- the diff (`window/showDocument`) and asks again, and this second question goes to the person. So the
-- preview on screen is always that of the question. One proposal has the screen at a time.
--
-- Tabs and marks in one's own buffers are there to be walked through, which a question would prevent.
-- There the second question is left unanswered: the session waits, for as long as the person looks.

local preview = require('steadyhand.preview')
local server = require('steadyhand.server')

local M = {}

---@type { message: string, client: integer, walked?: boolean }? the proposal that has the screen
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
      if preview.idle() and (not current or current.message == message) then
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
---@param client integer who wants to know
---@return string?
function M.ask(message, titles, client)
  wait_for_turn(message)
  local turn = { message = message, client = client }
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

---Says what is proposed in one line, as far as it fits: a longer one would have to be put away first.
---@param message string what was proposed, a colon, and a summary
local function tell(message)
  local what, summary = message:match('^(.-): (.*)$')
  local said = ('%s; :Steadyhand apply or discard: %s'):format(what or message, summary or '')
  local most = math.max(vim.v.echospace, 20)
  server.say(vim.fn.strchars(said) > most and vim.fn.strcharpart(said, 0, most - 1) .. '…' or said)
end

---`window/showMessageRequest`
---@param params lsp.ShowMessageRequestParams
---@param ctx lsp.HandlerContext
function M.on_question(_, params, ctx)
  local titles = vim.tbl_map(function(action)
    return action.title
  end, params.actions or {})
  if vim.list_contains(titles, 'Show diff') then
    wait_for_turn(params.message)
    local turn = { message = params.message, client = ctx.client_id }
    current = turn
    vim.defer_fn(function()
      if current == turn then
        current = nil -- no second question came: the session was cancelled meanwhile
      end
    end, 5000)
    return { title = 'Show diff' }
  end
  local proposal = vim.list_contains(titles, 'Discard')
  if proposal and current and current.message == params.message and current.walked then
    current = nil
    tell(params.message)
    return vim.NIL
  end
  if not vim.list_contains(titles, 'Later') then
    titles[#titles + 1] = 'Later'
  end
  local choice = M.ask(params.message, titles, ctx.client_id)
  return choice and choice ~= 'Later' and { title = choice } or vim.NIL
end

---`window/showDocument`: a proposal of the server's is shown as the person has set.
---@param params lsp.ShowDocumentParams
---@param ctx lsp.HandlerContext
function M.on_document(err, params, ctx)
  local session = vim.uri_to_fname(params.uri):match('/diffs/(%w+)%.diff$')
  local client = vim.lsp.get_client_by_id(ctx.client_id)
  if not session or not client then
    return vim.lsp.handlers['window/showDocument'](err, params, ctx)
  end
  local turn = current
  local form = wait(function(resume)
    preview.show(session, client, resume)
  end)
  if turn then
    turn.walked = form == 'tab' or form == 'inline'
  end
  return { success = form ~= nil }
end

---A server is gone, and its questions with it; those of another project's stand.
---@param client integer
function M.forget(client)
  if current and current.client == client then
    current = nil
  end
  -- Scheduled: this is called while windows must not be closed.
  vim.schedule(function()
    preview.forget(client)
  end)
end

return M
