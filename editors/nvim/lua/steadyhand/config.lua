-- The language client's configuration: how the server is started, and who answers it.

local edits = require('steadyhand.edits')
local neighbours = require('steadyhand.neighbours')
local preview = require('steadyhand.preview')
local proposal = require('steadyhand.proposal')
local server = require('steadyhand.server')
local sessions = require('steadyhand.sessions')
local transcript = require('steadyhand.transcript')

vim.lsp.commands['steadyhand.promptTask'] = function(command, ctx)
  local client = vim.lsp.get_client_by_id(ctx.client_id)
  if client then
    sessions.new_task(client, (command.arguments or {})[1] or {})
  end
end

---@type vim.lsp.Config
return {
  cmd = { 'steadyhand', 'lsp' },
  filetypes = {
    'python',
    'javascript',
    'javascriptreact',
    'typescript',
    'typescriptreact',
    'go',
    'rust',
    'java',
    'c',
    'cpp',
    'cs',
    'ruby',
    'php',
    'lua',
  },
  root_markers = { '.git', 'pyproject.toml', 'steadyhand.toml' },
  -- The preview is ours on every version: 0.11 applies annotated edits without asking.
  init_options = {
    client = { prompt = true, reply = true, references = true, diagnostics = true },
    preview = 'message',
  },
  handlers = {
    ['steadyhand/session'] = function(_, event, ctx)
      sessions.take(event, ctx.client_id)
      transcript.take(event)
      if event.event == 'hunks' then
        preview.renew(event.session)
      end
      -- A word on hunks is no end: what was cancelled may be gone through and applied after all.
      if event.state == 'finished' or event.state == 'cancelled' and event.event ~= 'hunks' then
        preview.close(event.session)
      end
    end,
    ['steadyhand/reply'] = function(_, asked, ctx)
      local client = vim.lsp.get_client_by_id(ctx.client_id)
      if client then
        sessions.act(client, 'reply', asked.session)
      end
    end,
    ['window/showMessageRequest'] = proposal.on_question,
    ['window/showDocument'] = proposal.on_document,
    ['workspace/applyEdit'] = edits.on_apply,
    ['steadyhand/references'] = neighbours.on_references,
    ['steadyhand/diagnostics'] = neighbours.on_diagnostics,
    -- Answers to commands that code actions started.
    ['workspace/executeCommand'] = server.on_answer,
    ['window/showMessage'] = function(_, params, ctx)
      server.say(params.message, vim.log.levels[({ 'ERROR', 'WARN' })[params.type] or 'INFO'])
      -- What waits since before this Neovim is under way, too. A server that was asked for its sessions
      -- at its start would load all that they need before the first findings; this one just has.
      local client = vim.lsp.get_client_by_id(ctx.client_id)
      if client and params.message:find('to resume here', 1, true) then
        sessions.refresh(client)
      end
    end,
  },
  on_exit = function(_, _, client)
    proposal.forget(client)
    sessions.forget(client)
  end,
}
