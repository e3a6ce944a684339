-- What a session proposes, file by file, as it stands at this moment; and how a hunk's state looks.

local M = {}

M.ns = vim.api.nvim_create_namespace('steadyhand')

---@class steadyhand.Hunk
---@field id string
---@field path string
---@field source? string the old name of a file that moves
---@field kind 'edit'|'create'|'rename'|'delete'
---@field state 'open'|'accepted'|'rejected'|'conflict'
---@field first integer the lines of the file that it is about, from 0
---@field end integer
---@field old string
---@field new string
---@field remarks string[]
---@field overlaps string[] other sessions that would change the same lines

---@class steadyhand.File
---@field path string
---@field source? string
---@field kind 'edit'|'create'|'rename'|'delete'
---@field hunks steadyhand.Hunk[] in the order of the file

---@class steadyhand.Place
---@field id string
---@field first integer lines from 0, one past the last; equal where nothing stands
---@field last integer

-- What waits for a word, and what was given one that can be taken back.
local STATES = {
  open = { sign = '?', group = 'SteadyhandOpen', link = 'DiagnosticHint' },
  accepted = { sign = '✓', group = 'SteadyhandAccepted', link = 'DiagnosticOk' },
  rejected = { sign = '✗', group = 'SteadyhandRejected', link = 'DiagnosticError' },
  conflict = { sign = '!', group = 'SteadyhandConflict', link = 'DiagnosticWarn' },
}

---Defines what the person's colours do not. Each time anew: a colour scheme clears it away.
function M.highlights()
  for _, state in pairs(STATES) do
    vim.api.nvim_set_hl(0, state.group, { link = state.link, default = true })
  end
  vim.api.nvim_set_hl(0, 'SteadyhandNew', { link = 'DiffAdd', default = true })
  -- A link cannot be struck through besides, so what is removed looks like DiffDelete's copy.
  local old = vim.api.nvim_get_hl(0, { name = 'DiffDelete', link = false })
  local struck = { strikethrough = true, cterm = { strikethrough = true }, default = true }
  vim.api.nvim_set_hl(0, 'SteadyhandOld', vim.tbl_deep_extend('force', old, struck))
end

---All hunks of a file with their signs, for a bar over its window.
---@param file steadyhand.File
---@return string
function M.summary(file)
  local parts = vim.tbl_map(function(hunk)
    return hunk.id .. ' ' .. STATES[hunk.state].sign
  end, file.hunks)
  return table.concat(parts, '  ')
end

---The lines of a text, split as the server and Neovim count them.
---@param text string
---@return string[]
function M.lines(text)
  return text == '' and {} or vim.split((text:gsub('\n$', '')), '\n')
end

---What is said of a hunk beside it.
---@param hunk steadyhand.Hunk
---@return string[] chunk text and highlight group
function M.label(hunk)
  local parts = { ('%s %s'):format(hunk.id, hunk.state) }
  if hunk.source then
    table.insert(parts, 'moved from ' .. hunk.source)
  end
  for _, other in ipairs(hunk.overlaps) do
    table.insert(parts, ('session %s would change the same lines'):format(other))
  end
  vim.list_extend(parts, hunk.remarks)
  local text = table.concat(parts, '; '):gsub('%s+', ' ')
  return { '  ' .. text, STATES[hunk.state].group }
end

---The part of an extmark that is a hunk's sign; a label beside it lies on the colour of its line.
---@param hunk steadyhand.Hunk
function M.sign(hunk)
  local state = STATES[hunk.state]
  return { sign_text = state.sign, sign_hl_group = state.group, hl_mode = 'combine' }
end

---The hunks that lines touch. Where nothing stands, the line before counts and the one after.
---@param places steadyhand.Place[]
---@param first integer from 0
---@param last integer
---@return string[] ids
function M.touched(places, first, last)
  local found = {} ---@type string[]
  for _, place in ipairs(places) do
    local empty = place.first == place.last
    local from, to = place.first - (empty and 1 or 0), place.last - (empty and 0 or 1)
    if from <= last and first <= to then
      table.insert(found, place.id)
    end
  end
  return found
end

---Asks what a session proposes: the files with hunks that can be decided about.
---@param client vim.lsp.Client
---@param session string
---@param done fun(files?: steadyhand.File[]) nothing where the server refuses
function M.fetch(client, session, done)
  client:request('steadyhand/proposal/hunks', { session = session }, function(err, answer)
    if err then
      done()
      return
    end
    local files, by_path = {}, {} ---@type steadyhand.File[], table<string, steadyhand.File>
    for _, hunk in ipairs(answer.hunks) do
      if STATES[hunk.state] then
        hunk.source = hunk.source ~= vim.NIL and hunk.source or nil -- 0.12 keeps a null as it is
        local file = by_path[hunk.path]
        if not file then
          file = { path = hunk.path, source = hunk.source, kind = hunk.kind, hunks = {} }
          by_path[hunk.path] = file
          table.insert(files, file)
        end
        table.insert(file.hunks, hunk)
      end
    end
    for _, file in ipairs(files) do
      table.sort(file.hunks, function(a, b)
        return a.first < b.first
      end)
    end
    done(files)
  end)
end

---The ids of a session's hunks; waits, shortly.
---@param client vim.lsp.Client
---@param session string
---@return string[]
function M.ids_now(client, session)
  local answer = client:request_sync('steadyhand/proposal/hunks', { session = session }, 500)
  local shown = vim.tbl_filter(function(hunk)
    return STATES[hunk.state] ~= nil
  end, answer and answer.result and answer.result.hunks or {})
  return vim.tbl_map(function(hunk)
    return hunk.id
  end, shown)
end

return M
