-- Sessions: what the server told of them, choosing one, and starting one.

local server = require('steadyhand.server')
local transcript = require('steadyhand.transcript')

local M = {}

---@class steadyhand.Session
---@field id string
---@field state 'running'|'waiting'|'paused'|'finished'|'failed'|'cancelled'
---@field prompt string
---@field round integer
---@field max_rounds integer
---@field tokens integer
---@field max_tokens integer
---@field applied boolean something of it can be taken back
---@field reverted boolean something of it can be brought back
---@field proposes boolean something of it is open

---@class steadyhand.Known: steadyhand.Session
---@field client integer that told of it
---@field updated number seconds
---@field told integer at which event; 0 where it was only listed

---@type table<string, steadyhand.Known>
local known = {}
-- How often anything was told: what came after a list was asked for is newer than that list.
local told = 0

local NONE = 'there is no session yet; :Steadyhand task starts one.'

---Which sessions a command fits, when none is named; what is possible the server decides.
---@type table<string, string[]>
M.FITTING = {
  resume = { 'waiting', 'paused', 'cancelled' },
  undo = { 'waiting', 'paused', 'finished', 'failed', 'cancelled' },
  redo = { 'waiting', 'paused', 'finished', 'failed', 'cancelled' },
  reply = { 'running', 'waiting', 'paused', 'finished', 'cancelled' },
  cancel = { 'running', 'waiting', 'paused' },
  apply = { 'waiting', 'paused', 'failed', 'cancelled' },
  discard = { 'waiting', 'paused' },
  proposal = { 'running', 'waiting', 'paused', 'failed', 'cancelled' },
  delete = { 'paused', 'finished', 'failed', 'cancelled' },
  transcript = { 'running', 'waiting', 'paused', 'finished', 'failed', 'cancelled' },
}

---What there has to be of a session besides, and how that is said.
---@type table<string, { has: string, said: string }>
local NEEDED = {
  undo = { has = 'applied', said = 'one that applied something' },
  redo = { has = 'reverted', said = 'one that something was taken back of' },
  apply = { has = 'proposes', said = 'one with open hunks' },
  discard = { has = 'proposes', said = 'one with open hunks that is waiting or paused' },
  proposal = { has = 'proposes', said = 'one with open hunks' },
}

---@param verb string
---@param session steadyhand.Session
---@return boolean
function M.fits(verb, session)
  local needed = NEEDED[verb]
  return vim.list_contains(M.FITTING[verb], session.state) and (not needed or session[needed.has] == true)
end

---Takes a `steadyhand/session` event.
---@param event steadyhand.Session|{ session: string }
---@param client integer
function M.take(event, client)
  local seconds, micro = vim.uv.gettimeofday()
  told = told + 1
  event.client, event.updated, event.told = client, seconds + micro / 1e6, told
  known[event.session] = event
  vim.cmd.redrawstatus({ bang = true })
end

---Asks a server for its sessions; nobody waits for it. What is gone from its list is forgotten.
---@param client vim.lsp.Client
function M.refresh(client)
  local asked = told
  server.ask(client, 'sessions', function(answer)
    local listed = {} ---@type table<string, true>
    for _, session in ipairs(answer.sessions) do
      local before = known[session.id]
      listed[session.id] = true
      if not before or before.told <= asked then
        session.client, session.told = client.id, before and before.told or 0
        known[session.id] = session
      end
    end
    for id, session in pairs(known) do
      if session.client == client.id and session.told <= asked and not listed[id] then
        known[id] = nil
      end
    end
    vim.cmd.redrawstatus({ bang = true })
  end)
end

---Forgets what a server told that is gone.
---@param client integer
function M.forget(client)
  for id, session in pairs(known) do
    if session.client == client then
      known[id] = nil
    end
  end
end

---@param tokens integer
local function short(tokens)
  return tokens < 1000 and tostring(tokens) or (('%.1fk'):format(tokens / 1000):gsub('%.0k', 'k'))
end

---@param session steadyhand.Session
local function budget(session)
  return ('round %d/%d %s/%s'):format(
    session.round,
    session.max_rounds,
    short(session.tokens),
    short(session.max_tokens)
  )
end

---The session that a person would mean now: one that works, else one that waits for them, else the newest.
---@return steadyhand.Known?
local function current()
  local order = { running = 2, waiting = 1 }
  local best ---@type steadyhand.Known?
  for _, session in pairs(known) do
    local rank, highest = order[session.state] or 0, best and order[best.state] or 0
    if not best or rank > highest or rank == highest and session.updated > best.updated then
      best = session
    end
  end
  return best
end

---@return string
function M.status()
  local session = current()
  if not session or not vim.list_contains({ 'running', 'waiting', 'paused' }, session.state) then
    return ''
  end
  local state = session.state == 'running' and '' or session.state .. ', '
  local degraded = session.degraded and session.degraded ~= '' and ' (local only)' or ''
  return 'Steadyhand: ' .. state .. budget(session) .. degraded
end

---@param session steadyhand.Session
local function line(session)
  local prompt = session.prompt:gsub('%s+', ' ')
  return ('%s  %-9s %s  %s'):format(session.id, session.state, budget(session), vim.fn.strcharpart(prompt, 0, 50))
end

---Has one of several sessions chosen, newest first.
---@param sessions steadyhand.Session[]
---@param prompt string
---@param done fun(session: steadyhand.Session)
local function choose(sessions, prompt, done)
  vim.ui.select(sessions, { prompt = prompt, format_item = line, kind = 'steadyhand' }, function(session)
    if session then
      done(session)
    end
  end)
end

---Says something to a session, asking for the words where there are none.
---@param client vim.lsp.Client
---@param id string
---@param said { text?: string, uri?: string, range?: lsp.Range, selection?: string }
local function reply(client, id, said)
  local function send(words)
    if words and vim.trim(words) ~= '' then
      -- That it goes on is told by its events.
      server.execute(client, 'reply', vim.tbl_extend('force', said, { session = id, text = words }), function() end)
    end
  end
  if said.text then
    send(said.text)
  else
    vim.ui.input({ prompt = 'Reply to the session: ' }, send)
  end
end

---@param client vim.lsp.Client
---@param verb string
---@param id string
---@param said? table what is said, in a reply
local function run(client, verb, id, said)
  if verb == 'reply' then
    reply(client, id, said or {})
  elseif verb == 'transcript' then
    transcript.open(client, id)
  elseif verb == 'delete' then
    server.execute(client, verb, { session = id }, function(answer)
      server.on_answer(nil, answer)
      M.refresh(client)
    end)
  else
    server.execute(client, verb, { session = id })
  end
end

---Runs a command on a session: the one named, the one whose diff is shown, the only one that fits, or
---the one that is chosen.
---@param client vim.lsp.Client
---@param verb string
---@param id? string
---@param said? table what is said, in a reply
function M.act(client, verb, id, said)
  id = id or vim.b.steadyhand_session
  if id then
    run(client, verb, id, said)
    return
  end
  server.execute(client, 'sessions', {}, function(answer)
    local fitting = vim.tbl_filter(function(session)
      return M.fits(verb, session)
    end, answer.sessions)
    if verb == 'reply' then
      -- What is still under way is meant, where there is any.
      local open = vim.tbl_filter(function(session)
        return vim.list_contains({ 'running', 'waiting', 'paused' }, session.state)
      end, fitting)
      fitting = #open > 0 and open or fitting
    end
    if #answer.sessions == 0 then
      server.say(NONE)
    elseif #fitting == 0 then
      server.say(('no session to %s here; it would have to be %s.'):format(
        verb == 'proposal' and 'show' or verb,
        NEEDED[verb] and NEEDED[verb].said or table.concat(M.FITTING[verb], ' or ')
      ))
    elseif #fitting == 1 then
      run(client, verb, fitting[1].id, said)
    else
      choose(fitting, 'Steadyhand: ' .. verb, function(session)
        run(client, verb, session.id, said)
      end)
    end
  end)
end

---Asks what to do with a session.
---@param client vim.lsp.Client
---@param session steadyhand.Session
function M.ask(client, session)
  local verbs = vim.tbl_filter(function(verb)
    return M.fits(verb, session)
  end, vim.tbl_keys(M.FITTING))
  table.sort(verbs)
  vim.ui.select(verbs, { prompt = line(session), kind = 'steadyhand' }, function(verb)
    if verb then
      run(client, verb, session.id)
    end
  end)
end

---Shows all sessions; one that is chosen is asked about again.
---@param client vim.lsp.Client
function M.browse(client)
  server.execute(client, 'sessions', {}, function(answer)
    if #answer.sessions == 0 then
      server.say(NONE)
      return
    end
    choose(answer.sessions, 'Steadyhand sessions', function(session)
      M.ask(client, session)
    end)
  end)
end

---Shows where sessions speak of some words; one that is chosen is asked about.
---@param client vim.lsp.Client
---@param words string
function M.search(client, words)
  local function look(given)
    if not given or vim.trim(given) == '' then
      return
    end
    server.execute(client, 'search', { words = given }, function(answer)
      if #answer.found == 0 then
        server.say(('no session of this workspace says "%s".'):format(given))
        return
      end
      vim.ui.select(answer.found, {
        prompt = 'Steadyhand: ' .. given,
        format_item = function(place)
          return ('%s  round %d  %s'):format(place.id, place.round, place.around)
        end,
        kind = 'steadyhand',
      }, function(place)
        if place then
          M.ask(client, place)
        end
      end)
    end)
  end
  if words ~= '' then
    look(words)
  else
    vim.ui.input({ prompt = 'Search sessions for: ' }, look)
  end
end

---Starts a task, asking for its words where there are none.
---@param client vim.lsp.Client
---@param place { uri?: string, range?: lsp.Range }
---@param prompt? string
function M.new_task(client, place, prompt)
  local function start(words)
    if words and vim.trim(words) ~= '' then
      server.execute(client, 'task', vim.tbl_extend('force', { prompt = words }, place), function() end)
    end
  end
  if prompt and prompt ~= '' then
    start(prompt)
  else
    vim.ui.input({ prompt = 'Steadyhand task: ' }, start)
  end
end

return M
