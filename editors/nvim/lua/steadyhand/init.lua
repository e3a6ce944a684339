-- The plugin's face to a person's own configuration.

local M = {}

---@class steadyhand.Opts
---@field cmd? string[]|function how the server is started; `{ 'steadyhand', 'lsp' }`
---@field filetypes? string[] those of all languages that are indexed
---@field root_markers? (string|string[])[] `{ '.git', 'pyproject.toml', 'steadyhand.toml' }`
---@field preview? 'diff'|'tab'|'inline' how a proposal is shown; `'diff'`
---@field settings? table<string, any> the server's settings, such as `max_rounds`

---Configures the server and has it start in fitting buffers.
---@param opts? steadyhand.Opts
function M.setup(opts)
  opts = opts or {}
  vim.lsp.config('steadyhand', {
    cmd = opts.cmd,
    filetypes = opts.filetypes,
    root_markers = opts.root_markers,
    init_options = opts.settings,
  })
  vim.g.steadyhand_preview = opts.preview or vim.g.steadyhand_preview
  vim.lsp.enable('steadyhand')
end

---For a statusline: "Steadyhand: round 3/20 4.1k/32k"; empty where no session is under way.
---@return string
function M.status()
  return require('steadyhand.sessions').status()
end

return M
