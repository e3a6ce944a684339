-- Buffers of the preview's own: read-only, never a file, with the keys that every preview has.

local M = {}

---@param buf integer
---@param keys string
---@param what string|fun()
---@param desc string
function M.map(buf, keys, what, desc)
  vim.keymap.set('n', keys, what, { buffer = buf, desc = 'Steadyhand: ' .. desc })
end

---Closes the current window. The last one cannot be: another buffer comes into it.
function M.close()
  if pcall(vim.cmd.close) then
    return
  end
  local here, before = vim.api.nvim_get_current_buf(), vim.fn.bufnr('#')
  local other = vim.iter({ before, unpack(vim.api.nvim_list_bufs()) }):find(function(buf)
    return buf ~= here and vim.fn.buflisted(buf) == 1
  end)
  if other then
    vim.cmd.buffer(other)
  else
    vim.cmd.enew()
  end
end

---@param name string
---@param session string
---@param client integer
---@return integer
function M.new(name, session, client)
  local buf = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(buf, ('steadyhand://%s%s'):format(session, name))
  vim.b[buf].steadyhand_session, vim.b[buf].steadyhand_client = session, client
  M.map(buf, 'q', M.close, 'close this')
  M.map(buf, 'a', '<Cmd>Steadyhand accept<CR>', 'accept this hunk')
  M.map(buf, 'r', '<Cmd>Steadyhand reject<CR>', 'reject this hunk')
  return buf
end

---@param buf integer
---@param lines string[]
function M.write(buf, lines)
  -- An unchanged text is left alone, so that the cursor stays where it is.
  local now = vim.api.nvim_buf_get_lines(buf, 0, -1, false)
  if not vim.deep_equal(now, lines[1] and lines or { '' }) then
    vim.bo[buf].modifiable = true
    vim.api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  end
  vim.bo[buf].modifiable = false
end

---Shows a buffer below everything, without taking the cursor along.
---@param buf integer
---@param share integer it gets one of so many parts of the screen
---@return integer win
function M.below(buf, share)
  local height = math.max(5, math.floor(vim.o.lines / share))
  return vim.api.nvim_open_win(buf, false, { split = 'below', win = -1, height = height })
end

---@param buf integer
function M.delete(buf)
  if vim.api.nvim_buf_is_valid(buf) then
    vim.api.nvim_buf_delete(buf, { force = true })
  end
end

---A text as a 'winbar' has it.
---@param text string
function M.plain(text)
  return (text:gsub('%%', '%%%%'))
end

return M
