-- Defines :Steadyhand and the <Plug> maps; everything else is loaded when it is first used.

if vim.g.loaded_steadyhand or vim.fn.has('nvim-0.11') == 0 then
  return
end
vim.g.loaded_steadyhand = true

-- A command is told its lines, not how they were named: `'<,'>` alone means the very selection. The
-- command line is over just before its command runs; what a script runs later was not typed there.
local of_selection = false
vim.api.nvim_create_autocmd('CmdlineLeave', {
  group = vim.api.nvim_create_augroup('steadyhand_range', { clear = true }),
  pattern = ':',
  callback = function()
    of_selection = vim.fn.getcmdline():find("^[%s:%a!]*'<%s*,%s*'>%s*S%a*") ~= nil
    if of_selection then
      vim.schedule(function()
        of_selection = false
      end)
    end
  end,
})

vim.api.nvim_create_user_command('Steadyhand', function(opts)
  require('steadyhand.command').run(opts, of_selection)
end, {
  nargs = '+',
  range = true,
  complete = function(lead, line)
    return require('steadyhand.command').complete(lead, line)
  end,
  desc = 'Steadyhand: tasks, sessions and proposals',
})

-- The commands are named here besides: what they do is not loaded for a map that nobody uses.
local verbs = 'task reply sessions resume proposal apply discard accept reject next prev close undo redo '
  .. 'cancel transcript search delete trust status log restart'
for verb in verbs:gmatch('%a+') do
  local plug, desc = ('<Plug>(steadyhand-%s)'):format(verb), ':Steadyhand ' .. verb
  vim.keymap.set('n', plug, ('<Cmd>Steadyhand %s<CR>'):format(verb), { desc = desc })
  if vim.list_contains({ 'task', 'reply', 'accept', 'reject' }, verb) then
    vim.keymap.set('x', plug, (':Steadyhand %s<CR>'):format(verb), { desc = desc, silent = true })
  end
end
