-- Defines :Steadyhand; everything else is loaded when it is first used.

if vim.g.loaded_steadyhand or vim.fn.has('nvim-0.11') == 0 then
  return
end
vim.g.loaded_steadyhand = true

vim.api.nvim_create_user_command('Steadyhand', function(opts)
  require('steadyhand.command').run(opts)
end, {
  nargs = '+',
  range = true,
  complete = function(lead, line)
    return require('steadyhand.command').complete(lead, line)
  end,
  desc = 'Steadyhand: tasks, sessions and proposals',
})
