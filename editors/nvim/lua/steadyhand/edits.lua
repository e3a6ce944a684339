-- `workspace/applyEdit`: edits that the person has agreed to, and what is saved after them.

local proposal = require('steadyhand.proposal')
local server = require('steadyhand.server')

local M = {}

---The documents that an edit changes and does not delete.
---@param edit lsp.WorkspaceEdit
---@return string[]
local function uris(edit)
  local found = type(edit.changes) == 'table' and vim.tbl_keys(edit.changes) or {}
  for _, part in ipairs(type(edit.documentChanges) == 'table' and edit.documentChanges or {}) do
    if part.textDocument then
      table.insert(found, part.textDocument.uri)
    end
  end
  return found
end

---True where an edit that wants to be confirmed was: 0.12 asks by itself, 0.11 would not.
---@param params lsp.ApplyWorkspaceEditParams
---@param client integer
local function confirmed(params, client)
  local annotations = params.edit.changeAnnotations
  if vim.fn.has('nvim-0.12') == 1 or type(annotations) ~= 'table' then
    return true
  end
  for _, annotation in pairs(annotations) do
    if annotation.needsConfirmation then
      local names = vim.tbl_map(vim.uri_to_fname, uris(params.edit))
      local question = ('%s: %s'):format(annotation.label, table.concat(vim.tbl_map(vim.fs.basename, names), ', '))
      return proposal.ask(question, { 'Apply', 'Discard' }, client) == 'Apply'
    end
  end
  return true
end

---A document that holds text which the server has not seen: its lines are not those of the edit.
---@param edit lsp.WorkspaceEdit
---@param client integer
---@return string?
local function unseen(edit, client)
  for _, uri in ipairs(uris(edit)) do
    local buf = vim.uri_to_bufnr(uri)
    if vim.bo[buf].modified and not vim.lsp.buf_is_attached(buf, client) then
      return vim.fn.fnamemodify(vim.uri_to_fname(uri), ':.')
    end
  end
end

---Writes exactly what was agreed to: no formatter comes in between, but what follows a write is told.
---@param buf integer
local function save(buf)
  vim.fn.mkdir(vim.fs.dirname(vim.api.nvim_buf_get_name(buf)), 'p')
  vim.api.nvim_buf_call(buf, function()
    -- A last line without an end stays one: what was agreed to does not add it, and undo could not take it back.
    local fix = vim.bo[buf].fixendofline
    vim.bo[buf].fixendofline = false
    local ok, why = pcall(vim.cmd, 'silent noautocmd update')
    vim.bo[buf].fixendofline = fix
    if not ok then
      error(why, 0)
    end
    vim.api.nvim_exec_autocmds('BufWritePost', { buffer = buf, modeline = false })
  end)
end

---@param params lsp.ApplyWorkspaceEditParams
---@param ctx lsp.HandlerContext
function M.on_apply(err, params, ctx)
  if not confirmed(params, ctx.client_id) then
    return { applied = false, failureReason = 'declined' }
  end
  local name = unseen(params.edit, ctx.client_id)
  if name then
    return { applied = false, failureReason = name .. ' has changes that are not saved' }
  end
  local dirty = {} ---@type table<string, boolean>
  for _, uri in ipairs(uris(params.edit)) do
    dirty[uri] = vim.bo[vim.uri_to_bufnr(uri)].modified
  end
  -- Without the label, which the client's own handler would print, one message a document.
  local answer = vim.lsp.handlers['workspace/applyEdit'](err, { edit = params.edit }, ctx)
  local left = {} ---@type string[]
  for uri, was_dirty in pairs(dirty) do
    local name = vim.fn.fnamemodify(vim.uri_to_fname(uri), ':.')
    if was_dirty then
      table.insert(left, name)
    elseif answer.applied then
      local ok, why = pcall(save, vim.uri_to_bufnr(uri))
      if not ok then
        server.say(('%s could not be saved: %s'):format(name, why), vim.log.levels.WARN)
      end
    end
  end
  if #left > 0 then
    server.say('left unsaved, as you had changes of your own there: ' .. table.concat(left, ', '))
  end
  return answer
end

return M
