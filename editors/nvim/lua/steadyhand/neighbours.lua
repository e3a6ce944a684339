-- What the other language servers of this Neovim know, for the server's own requests.

local M = {}

local OURS = 'steadyhand'

---A position in UTF-16 units as a client counts.
---@param buf integer
---@param position lsp.Position
---@param client vim.lsp.Client
---@return lsp.Position
local function as_counted(buf, position, client)
  local line = vim.api.nvim_buf_get_lines(buf, position.line, position.line + 1, false)[1] or ''
  local byte = vim.str_byteindex(line, 'utf-16', position.character, false)
  local character = vim.str_utfindex(line, client.offset_encoding, byte, false)
  return { line = position.line, character = character }
end

---`steadyhand/references`: every client of the file that knows references is asked.
---@param params { uri: string, position: lsp.Position }
---@return lsp.Location[]
function M.on_references(_, params)
  local method = 'textDocument/references'
  local buf = vim.uri_to_bufnr(params.uri)
  vim.fn.bufload(buf)
  local clients = vim.tbl_filter(function(client)
    return client.name ~= OURS
  end, vim.lsp.get_clients({ bufnr = buf, method = method }))
  local found = {} ---@type lsp.Location[]
  local waiting = assert(coroutine.running(), 'Steadyhand: not in a coroutine')
  local left, suspended = 0, false
  for _, client in ipairs(clients) do
    local asked = {
      textDocument = { uri = params.uri },
      position = as_counted(buf, params.position, client),
      context = { includeDeclaration = true },
    }
    local sent = client:request(method, asked, function(_, locations)
      vim.list_extend(found, locations or {})
      left = left - 1
      if left == 0 and suspended then
        vim.schedule(function()
          coroutine.resume(waiting)
        end)
      end
    end, buf)
    left = left + (sent and 1 or 0)
  end
  if left > 0 then
    suspended = true
    coroutine.yield()
  end
  return found
end

---`steadyhand/diagnostics`: what is shown of a file, or of all; only the lines of a range count.
---@param params { uri?: string }
---@return { uri: string, diagnostics: lsp.Diagnostic[] }[]
function M.on_diagnostics(_, params)
  local buf = params.uri and vim.uri_to_bufnr(params.uri) or nil
  local by_uri = {} ---@type table<string, lsp.Diagnostic[]>
  for _, shown in ipairs(vim.diagnostic.get(buf)) do
    if shown.source ~= OURS then
      local uri = vim.uri_from_bufnr(shown.bufnr)
      by_uri[uri] = by_uri[uri] or {}
      table.insert(by_uri[uri], {
        range = {
          start = { line = shown.lnum, character = shown.col },
          ['end'] = { line = shown.end_lnum or shown.lnum, character = shown.end_col or shown.col },
        },
        severity = shown.severity,
        message = shown.message,
        source = shown.source,
        code = shown.code,
      })
    end
  end
  local found = {}
  for uri, diagnostics in pairs(by_uri) do
    table.insert(found, { uri = uri, diagnostics = diagnostics })
  end
  return found
end

return M
