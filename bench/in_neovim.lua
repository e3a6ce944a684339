-- What is seen from inside Neovim. Its clock is the one that the process outside reads as well.

local seen = {}
_G.bench = seen

vim.api.nvim_create_autocmd('VimEnter', {
  callback = function()
    seen.text = vim.uv.hrtime()
  end,
})
vim.api.nvim_create_autocmd('DiagnosticChanged', {
  callback = function(event)
    if #event.data.diagnostics > 0 then
      seen.diagnostic = seen.diagnostic or vim.uv.hrtime()
    end
  end,
})

local system = vim.system
---@diagnostic disable-next-line: duplicate-set-field
vim.system = function(...)
  seen.server = seen.server or vim.uv.hrtime()
  return system(...)
end

-- The menu itself would wait for an answer.
vim.ui.select = function(items, options, chosen)
  seen.menu = vim.uv.hrtime()
  seen.titles = vim.tbl_map(options.format_item or tostring, items)
  chosen(nil)
end

vim.keymap.set('n', '<F2>', function()
  seen.menu = nil
  seen.pressed = vim.uv.hrtime()
  vim.lsp.buf.code_action()
end)
