-- :Steadyhand

local preview = require('steadyhand.preview')
local server = require('steadyhand.server')
local sessions = require('steadyhand.sessions')

local M = {}

---The lines of a range, or the very selection where that is meant and was made by characters.
---@param opts vim.api.keyset.create_user_command.command_args
---@param of_selection boolean
---@param encoding string
---@return lsp.Range
local function range(opts, of_selection, encoding)
  local from, to = { opts.line1, 0 }, { opts.line2, math.huge }
  local first, last = vim.api.nvim_buf_get_mark(0, '<'), vim.api.nvim_buf_get_mark(0, '>')
  local same = first[1] == opts.line1 and last[1] == opts.line2
  if of_selection and vim.fn.visualmode() == 'v' and same then
    local under = vim.fn.strpart(vim.fn.getline(last[1]), last[2], 1, true)
    from, to = first, { last[1], last[2] + (vim.o.selection == 'exclusive' and 0 or #under) }
  end
  local function position(mark)
    local text = vim.fn.getline(mark[1])
    local character = vim.str_utfindex(text, encoding, math.min(mark[2], #text), false)
    return { line = mark[1] - 1, character = character }
  end
  return { start = position(from), ['end'] = position(to) }
end

---What of the current file a task or a reply is about.
---@param opts table
---@param of_selection boolean
---@param client vim.lsp.Client
---@return { uri?: string, range?: lsp.Range, selection?: string }
local function place(opts, of_selection, client)
  if vim.bo.buftype ~= '' and opts.range > 0 then
    -- A diff of ours, or another view: the server does not know its lines.
    return { selection = table.concat(vim.fn.getline(opts.line1, opts.line2), '\n') }
  end
  if vim.bo.buftype ~= '' or vim.api.nvim_buf_get_name(0) == '' then
    return {}
  end
  return {
    uri = vim.uri_from_bufnr(0),
    range = opts.range > 0 and range(opts, of_selection, client.offset_encoding) or nil,
  }
end

---@type table<string, fun(opts: table, rest: string, of_selection: boolean)>
local verbs = {
  task = function(opts, rest, of_selection)
    local client = server.client()
    if client then
      sessions.new_task(client, place(opts, of_selection, client), rest)
    end
  end,
  reply = function(opts, rest, of_selection)
    local client = server.client()
    if client then
      local id, words = (rest .. ' '):match('^(%x%x%x%x%x%x%x%x)%s+(.*)$')
      words = vim.trim(words or rest)
      local said = opts.range > 0 and place(opts, of_selection, client) or {}
      said.text = words ~= '' and words or nil
      sessions.act(client, 'reply', id, said)
    end
  end,
  sessions = function()
    local client = server.client()
    if client then
      sessions.browse(client)
    end
  end,
  search = function(_, rest)
    local client = server.client()
    if client then
      sessions.search(client, rest)
    end
  end,
  status = function()
    -- It is about every project, and needs no file of one.
    if #vim.lsp.get_clients({ name = 'steadyhand' }) > 0 or server.client() then
      local status = sessions.status()
      server.say(status ~= '' and status or 'no session is under way.')
    end
  end,
  trust = function(_, rest)
    local client = server.client()
    if client then
      server.execute(client, 'trust', rest == 'revoke' and { revoke = true } or {})
    end
  end,
  log = function()
    vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log.get_filename()))
  end,
  accept = function(opts, rest)
    preview.decide('accept', rest, opts.line1, opts.line2)
  end,
  reject = function(opts, rest)
    preview.decide('reject', rest, opts.line1, opts.line2)
  end,
  next = function()
    preview.walk(1)
  end,
  prev = function()
    preview.walk(-1)
  end,
  close = function()
    preview.close()
  end,
  restart = server.restart,
}
for verb in pairs(sessions.FITTING) do
  verbs[verb] = verbs[verb] or function(_, id)
    local client = server.client()
    if client then
      sessions.act(client, verb, id ~= '' and id or nil)
    end
  end
end

---@param opts vim.api.keyset.create_user_command.command_args
---@param of_selection boolean its range is that of the selection, as `:` in Visual mode puts it there
function M.run(opts, of_selection)
  local verb, rest = opts.args:match('^(%S+)%s*(.-)%s*$')
  if verbs[verb] then
    verbs[verb](opts, rest, of_selection)
  else
    server.say(('there is no :Steadyhand %s.'):format(verb), vim.log.levels.WARN)
  end
end

---The sessions that a command fits.
---@param verb string
---@return string[]
local function ids(verb)
  local client = server.find()
  local answer = client and server.ask_now(client, 'sessions', 500)
  local fitting = vim.tbl_filter(function(session)
    return sessions.fits(verb, session)
  end, answer and answer.sessions or {})
  return vim.tbl_map(function(session)
    return session.id
  end, fitting)
end

---The hunks that are not named yet: of the session that is named, or else of the one that is shown.
---@param before string[] the words of the command so far
---@return string[]
local function hunks(before)
  local client = server.find()
  local named = vim.iter(before):skip(1):find(function(word)
    return #word == 8 and not word:match('^h')
  end)
  local found = client and preview.ids_now(client, named) or {}
  if #found == 0 then
    return ids('proposal')
  end
  return vim.tbl_filter(function(id)
    return not vim.list_contains(before, id)
  end, found)
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  -- The command may be abbreviated, and stand behind a range and words such as `silent`.
  local before = vim.split(line:match('S[teadyhn]*%s+(.*)$') or '', '%s+')
  local found = {}
  if #before <= 1 then
    found = vim.tbl_keys(verbs)
  elseif before[1] == 'accept' or before[1] == 'reject' then
    found = hunks(before)
  elseif #before == 2 and sessions.FITTING[before[1]] then
    found = ids(before[1])
  elseif #before == 2 and before[1] == 'trust' then
    found = { 'revoke' }
  end
  table.sort(found)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, found)
end

return M
