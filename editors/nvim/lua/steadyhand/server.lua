-- The way to the server: which client, its commands, its answers, its restart.

local M = {}

local NAME = 'steadyhand'

---Tells the person one sentence.
---@param message string
---@param level? integer
function M.say(message, level)
  message = vim.startswith(message, 'Steadyhand') and message or 'Steadyhand: ' .. message
  vim.notify(message, level or vim.log.levels.INFO, { title = 'Steadyhand' })
end

---A path as the disk has it. A file need not exist yet, its folder does.
---@param path string
local function real(path)
  local folder = vim.uv.fs_realpath(vim.fs.dirname(path))
  return vim.uv.fs_realpath(path) or folder and vim.fs.joinpath(folder, vim.fs.basename(path)) or path
end

---The file of a buffer; nil where it has none.
---@param buf integer
---@return string?
local function file_of(buf)
  local name = vim.api.nvim_buf_get_name(buf)
  return vim.bo[buf].buftype == '' and name ~= '' and name or nil
end

---The folders that a client serves; one without any serves where its program runs.
---@param client vim.lsp.Client
---@return string[]
local function folders(client)
  local found = { client.root_dir } ---@type string[]
  for _, folder in ipairs(client.workspace_folders or {}) do
    table.insert(found, vim.uri_to_fname(folder.uri))
  end
  return found[1] and found or { client.config.cmd_cwd or vim.fn.getcwd() }
end

---The client whose project a file lies in: of several the innermost.
---@param file string
---@return vim.lsp.Client?
local function serving(file)
  local best, depth = nil, -1
  for _, client in ipairs(vim.lsp.get_clients({ name = NAME })) do
    for _, folder in ipairs(folders(client)) do
      folder = real(folder)
      if #folder > depth and vim.fs.relpath(folder, real(file)) then
        best, depth = client, #folder
      end
    end
  end
  return best
end

---The client of the file that the person was in last.
---@return vim.lsp.Client?
local function latest()
  local bufs = vim.fn.getbufinfo({ bufloaded = 1 })
  table.sort(bufs, function(a, b)
    return a.lastused > b.lastused
  end)
  local order = vim.tbl_map(function(info)
    return info.bufnr
  end, bufs)
  table.insert(order, 1, vim.fn.bufnr('#'))
  for _, buf in ipairs(order) do
    local client = buf ~= -1 and vim.lsp.get_clients({ name = NAME, bufnr = buf })[1]
    if client then
      return client
    end
  end
end

---The client of the diff shown in the current buffer, of the buffer, or of the project that its file
---lies in. A buffer without a file belongs to what was worked on last.
---@return vim.lsp.Client?
---@return string? why there is none
function M.find()
  local any = vim.lsp.get_clients({ name = NAME })[1]
  if not any then
    return nil, 'the server is not running; open a file of a project, or :Steadyhand restart.'
  end
  local shown = vim.b.steadyhand_client
  local client = shown and vim.lsp.get_client_by_id(shown) or vim.lsp.get_clients({ name = NAME, bufnr = 0 })[1]
  if client then
    return client
  end
  local file = file_of(0)
  if not file then
    return latest() or any
  end
  client = serving(file)
  if not client then
    local name = vim.fn.fnamemodify(file, ':~:.')
    return nil, ('%s lies in no project that a server runs for; open a source file of its project first.'):format(name)
  end
  return client
end

---The client that a command is for; nil once told why there is none.
---@return vim.lsp.Client?
function M.client()
  local client, why = M.find()
  if not client then
    M.say(assert(why), vim.log.levels.WARN)
  end
  return client
end

---Says what a command's answer says. A refusal is one sentence; a defect of the server says so itself.
---@param err? lsp.ResponseError
---@param answer? { message?: string }
function M.on_answer(err, answer)
  if err then
    M.say(err.message, vim.log.levels.WARN)
  elseif type(answer) == 'table' and type(answer.message) == 'string' and answer.message ~= '' then
    M.say(answer.message)
  end
end

---Runs a command of the server.
---@param client vim.lsp.Client
---@param verb string as in `steadyhand.<verb>`
---@param argument table
---@param done? fun(answer: table) without it, the answer is said
function M.execute(client, verb, argument, done)
  local params = { command = 'steadyhand.' .. verb, arguments = { next(argument) and argument or vim.empty_dict() } }
  local sent = client:request('workspace/executeCommand', params, function(err, answer)
    if err or not done then
      M.on_answer(err, answer)
    else
      done(answer)
    end
  end)
  if not sent then
    M.say('the server has stopped; :Steadyhand restart starts it again.', vim.log.levels.WARN)
  end
end

---Runs a command without an argument of which nobody is told: a refusal is no news.
---@param client vim.lsp.Client
---@param verb string
---@param done fun(answer: table)
function M.ask(client, verb, done)
  local params = { command = 'steadyhand.' .. verb, arguments = { vim.empty_dict() } }
  client:request('workspace/executeCommand', params, function(err, answer)
    if not err and answer then
      done(answer)
    end
  end)
end

---Runs a command and waits, shortly; nil where nothing useful came.
---@param client vim.lsp.Client
---@param verb string
---@param milliseconds integer
---@return table?
function M.ask_now(client, verb, milliseconds)
  local params = { command = 'steadyhand.' .. verb, arguments = { vim.empty_dict() } }
  local answer = client:request_sync('workspace/executeCommand', params, milliseconds)
  return answer and answer.result
end

---Stops the server where it runs, and starts it in the buffers that are open.
function M.restart()
  vim.lsp.enable(NAME, false)
  local function gone()
    return #vim.lsp.get_clients({ name = NAME }) == 0
  end
  if not vim.wait(3000, gone, 20) then
    for _, client in ipairs(vim.lsp.get_clients({ name = NAME })) do
      client:stop(true)
    end
    vim.wait(1000, gone, 20)
  end
  vim.lsp.enable(NAME)
end

return M
