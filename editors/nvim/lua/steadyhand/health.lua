-- :checkhealth steadyhand

local preview = require('steadyhand.preview')
local server = require('steadyhand.server')

local M = {}

---Finds the program and asks its version.
---@param cmd string[]
local function check_program(cmd)
  local program = vim.fn.exepath(cmd[1])
  if program == '' then
    vim.health.error(('`%s` is not found'):format(cmd[1]), {
      'Install it: `pipx install steadyhand`',
      "or name it: `require('steadyhand').setup({ cmd = { '/path/to/steadyhand', 'lsp' } })`",
    })
    return
  end
  vim.health.ok('the program is ' .. program)
  -- A program of one's own that starts the server may not know the option, and serve instead.
  if #cmd < 2 or cmd[#cmd] ~= 'lsp' then
    vim.health.info('`cmd` does not end with `lsp`; the version is that of the client below')
    return
  end
  local asked = vim.list_slice(cmd, 1, #cmd - 1)
  table.insert(asked, '--version')
  local ran, process = pcall(vim.system, asked, { text = true, timeout = 10000 })
  local result = ran and process:wait() or { code = -1, stderr = tostring(process) }
  if result.code == 0 then
    vim.health.ok('it says: ' .. vim.trim(result.stdout))
  else
    vim.health.error(('`%s` failed: %s'):format(table.concat(asked, ' '), vim.trim(result.stderr or '')))
  end
end

function M.check()
  vim.health.start('steadyhand')
  if vim.fn.has('nvim-0.11') == 0 then
    vim.health.error('Neovim 0.11 or newer is needed')
    return
  end
  vim.health.ok('Neovim ' .. tostring(vim.version()))
  if preview.form() then
    vim.health.ok(('proposals are shown as `%s`'):format(preview.form()))
  else
    vim.health.error(
      ('there is no preview `%s`; the diff is shown'):format(vim.inspect(vim.g.steadyhand_preview)),
      { "Set it to 'diff', 'tab' or 'inline': see :help steadyhand-proposals" }
    )
  end
  local config = vim.lsp.config.steadyhand
  local cmd = config and config.cmd
  if type(cmd) == 'table' then
    check_program(cmd)
  else
    vim.health.info('`cmd` is a function; the program is not checked')
  end
  local clients = vim.lsp.get_clients({ name = 'steadyhand' })
  if #clients == 0 then
    vim.health.warn('no client is attached', { "`require('steadyhand').setup()`, then open a file of an indexed language" })
  end
  for _, client in ipairs(clients) do
    local answer = server.ask_now(client, 'sessions', 3000)
    vim.health.ok(('client %d serves %s'):format(client.id, client.root_dir or 'single files'))
    local program = client.server_info
    if program then
      vim.health.info(('its server is %s %s'):format(program.name, program.version or ''))
    end
    if answer then
      vim.health.info(('%d sessions here'):format(#answer.sessions))
    else
      vim.health.warn('it did not list its sessions', { 'Look at :Steadyhand log' })
    end
  end
  local status = require('steadyhand').status()
  vim.health.info(status ~= '' and status or 'no session is under way')
end

return M
