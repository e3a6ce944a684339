-- The preview "diff": one unified diff of all files, below everything.

local hunks = require('steadyhand.hunks')
local scratch = require('steadyhand.scratch')

local M = {}

---@type integer? the buffer of the diff
local shown

---@return integer?
local function alive()
  return shown and vim.api.nvim_buf_is_valid(shown) and shown or nil
end

---@param client vim.lsp.Client
---@param session string
---@param done fun(lines?: string[])
function M.fetch(client, session, done)
  local uri = ('steadyhand-proposal://%s/proposal-%s.diff?side=diff'):format(session, session)
  client:request('steadyhand/document', { uri = uri }, function(err, answer)
    done(not err and hunks.lines(answer.text) or nil)
  end)
end

---@param session string
---@param client integer
---@param lines string[]
function M.open(session, client, lines)
  local before = alive()
  local win = before and vim.fn.bufwinid(before) or -1
  if not before or vim.b[before].steadyhand_session ~= session then
    shown = scratch.new('.diff', session, client)
    scratch.map(shown, ']c', '<Plug>(steadyhand-next)', 'next hunk')
    scratch.map(shown, '[c', '<Plug>(steadyhand-prev)', 'hunk before')
  end
  local buf = assert(shown)
  scratch.write(buf, lines)
  if win ~= -1 then
    vim.api.nvim_win_set_buf(win, buf)
  else
    win = scratch.below(buf, 2)
  end
  vim.bo[buf].bufhidden = 'wipe'
  vim.bo[buf].filetype = 'diff'
  vim.wo[win][0].winbar = (' Steadyhand proposal %s %%=a accept · r reject · :Steadyhand apply | discard '):format(session)
end

---@param lines string[]
function M.update(lines)
  local buf = alive()
  if buf then
    scratch.write(buf, lines)
  end
end

function M.close()
  local buf = alive()
  shown = nil
  if buf then
    scratch.delete(buf)
  end
end

---The hunks of some lines of the current buffer, from 1.
---@param first integer
---@param last integer
---@return string[] ids
function M.at(first, last)
  local found = {} ---@type string[]
  if vim.api.nvim_get_current_buf() ~= alive() then
    return found
  end
  local inside ---@type string?
  local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  for number = 1, last do
    local head = lines[number]:match('^@@ .- @@ (h%d+) ')
    -- Alone, "--- " may be a line that goes, such as a comment in Lua.
    local file = vim.startswith(lines[number], '--- ') and vim.startswith(lines[number + 2] or '', '@@ ')
    if head or file then
      inside = head
    end
    if inside and number >= first and not vim.list_contains(found, inside) then
      table.insert(found, inside)
    end
  end
  return found
end

---@param step 1|-1
function M.walk(step)
  local win = alive() and vim.fn.bufwinid(shown) or -1
  if win ~= -1 then
    vim.api.nvim_set_current_win(win)
    vim.fn.search('^@@ ', step > 0 and 'W' or 'bW')
  end
end

return M
