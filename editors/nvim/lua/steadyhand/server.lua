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

---The client of the current buffer, of the diff shown in it, or else any; nil once told why not.
---@return vim.lsp.Client?
function M.client()
  local shown = vim.b.steadyhand_client
  local client = shown and vim.lsp.get_client_by_id(shown)
    or vim.lsp.get_clients({ name = NAME, bufnr = 0 })[1]
    or vim.lsp.get_clients({ name = NAME })[1]
  if not client then
    M.say('the server is not running; open a file of a project, or :Steadyhand restart.', vim.log.levels.WARN)
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
