-- Keys in buffers that are the person's: what they had mapped there comes back afterwards.

local M = {}

---@type table<integer, table<string, table>> by buffer and key, what was there; empty for nothing
local before = {}

---@param buf integer
---@param keys table<string, string[]> what each does, and its description
function M.set(buf, keys)
  before[buf] = {}
  local there = vim.api.nvim_buf_get_keymap(buf, 'n')
  for key, what in pairs(keys) do
    before[buf][key] = vim.iter(there):find(function(map)
      return map.lhs == key
    end) or {}
    vim.keymap.set('n', key, what[1], { buffer = buf, desc = 'Steadyhand: ' .. what[2] })
  end
end

---@param buf integer
function M.restore(buf)
  vim.api.nvim_buf_call(buf, function()
    for key, map in pairs(before[buf] or {}) do
      pcall(vim.keymap.del, 'n', key, { buffer = buf })
      if map.lhs then
        vim.fn.mapset('n', false, map)
      end
    end
  end)
  before[buf] = nil
end

return M
