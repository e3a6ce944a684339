-- The preview of a proposal, in the form that the person has set; and their word on single hunks.
--
-- A form is a module with `fetch` (what the server says of a session now), `open` and `update` (show
-- that, at first and anew), `close`, `at` (the hunks of some lines) and `walk` (to the next hunk).

local hunks = require('steadyhand.hunks')
local server = require('steadyhand.server')

local M = {}

local FORMS = { diff = 'steadyhand.unified', tab = 'steadyhand.tabs', inline = 'steadyhand.inline' }

---@class steadyhand.Preview
---@field session string
---@field client integer
---@field form table

local shown ---@type steadyhand.Preview? one proposal has the screen at a time

---The name of the form that is set; nil where there is none of that name.
---@return string?
function M.form()
  local name = vim.g.steadyhand_preview or 'diff'
  return FORMS[name] and name or nil
end

---False while the person is in the middle of something.
---@return boolean
function M.idle()
  return vim.api.nvim_get_mode().mode == 'n' and vim.fn.getcmdwintype() == ''
end

---Nobody is taken elsewhere while they type.
---@param go fun()
local function once_idle(go)
  if M.idle() then
    go()
  else
    vim.defer_fn(function()
      once_idle(go)
    end, 100)
  end
end

---Puts on screen what was fetched.
---@param at steadyhand.Preview
---@param found table
local function open(at, found)
  if shown and shown.form ~= at.form then
    shown.form.close()
  end
  shown = at
  at.form.open(at.session, at.client, found)
end

---Shows a proposal. What a form cannot show, such as a proposal without a hunk that fits, the diff can.
---@param session string
---@param client vim.lsp.Client
---@param done fun(form?: string) the name of the form, nil where there was nothing to be had
function M.show(session, client, done)
  local function try(name)
    local form = require(FORMS[name])
    form.fetch(client, session, function(found)
      if found and found[1] then
        once_idle(function()
          open({ session = session, client = client.id, form = form }, found)
          done(name)
        end)
      elseif name ~= 'diff' then
        try('diff')
      else
        done()
      end
    end)
  end
  try(M.form() or 'diff')
end

---Shows a proposal anew, where it is on screen.
---@param session string
function M.renew(session)
  local at = shown
  local client = at and at.session == session and vim.lsp.get_client_by_id(at.client)
  if not at or not client then
    return
  end
  at.form.fetch(client, session, function(found)
    if found and shown == at then
      at.form.update(found)
    end
  end)
end

---Takes a session's preview off the screen, or any session's; the proposal waits on.
---@param session? string
function M.close(session)
  if shown and (not session or shown.session == session) then
    shown.form.close()
    shown = nil
  end
end

---Takes the preview of a client that has ended off the screen.
---@param client integer
function M.forget(client)
  if shown and shown.client == client then
    M.close()
  end
end

---The session that was shown last.
---@return string?
function M.session()
  return vim.b.steadyhand_session or shown and shown.session
end

---Accepts or rejects hunks; nothing is written before an apply.
---@param verb 'accept'|'reject'
---@param words string ids of hunks, and of their session where it is not the one that is shown
---@param first integer without ids, the hunks of these lines are meant
---@param last integer
function M.decide(verb, words, first, last)
  local ids, session = {}, nil ---@type string[], string?
  for word in words:gmatch('%S+') do
    if word:match('^h%d+$') then
      table.insert(ids, word)
    else
      session = word
    end
  end
  if words == '' and shown then
    ids = shown.form.at(first, last)
    -- A cursor is at one hunk.
    ids = first == last and { ids[1] } or ids
  end
  session = session or M.session()
  if not session or #ids == 0 then
    server.say(('there is no hunk of a proposal here to %s.'):format(verb), vim.log.levels.WARN)
    return
  end
  local own = shown and shown.session == session and vim.lsp.get_client_by_id(shown.client)
  local client = own or server.client()
  if client then
    -- The server then says that hunks have changed, and what is shown is drawn anew.
    server.execute(client, 'proposal.' .. verb, { session = session, hunks = ids }, function() end)
  end
end

---Goes to the next hunk or the one before, from wherever the cursor is.
---@param step 1|-1
function M.walk(step)
  if shown then
    shown.form.walk(step)
  else
    server.say('no proposal is shown; :Steadyhand proposal shows one.')
  end
end

---The ids of the hunks of a session; waits, shortly.
---@param client vim.lsp.Client
---@param session? string
---@return string[]
function M.ids_now(client, session)
  session = session or M.session()
  return session and hunks.ids_now(client, session) or {}
end

return M
