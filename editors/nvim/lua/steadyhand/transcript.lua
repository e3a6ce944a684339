-- All that a session said and did, as a text to read; it goes on with the session.

local scratch = require('steadyhand.scratch')
local server = require('steadyhand.server')

local M = {}

---@type table<string, integer> the buffers that are open, by session
local buffers = {}

---@param session string
---@return integer?
local function alive(session)
  local buf = buffers[session]
  return buf and vim.api.nvim_buf_is_loaded(buf) and buf or nil
end

---@param buf integer
---@param text string
local function write(buf, text)
  vim.bo[buf].modifiable = true
  -- Only what came at the end changes, so that who reads stays where they are.
  local now, lines = vim.api.nvim_buf_get_lines(buf, 0, -1, false), vim.split(vim.trim(text), '\n')
  local same = 0
  while same < math.min(#now, #lines) and now[same + 1] == lines[same + 1] do
    same = same + 1
  end
  vim.api.nvim_buf_set_lines(buf, same, -1, false, vim.list_slice(lines, same + 1))
  vim.bo[buf].modifiable = false
end

---@param client vim.lsp.Client
---@param session string
---@param done fun(text: string)
local function ask(client, session, done)
  server.execute(client, 'transcript', { session = session }, function(answer)
    done(answer.text)
  end)
end

---Opens the transcript of a session beside what is there.
---@param client vim.lsp.Client
---@param session string
function M.open(client, session)
  ask(client, session, function(text)
    local buf = alive(session)
    if not buf then
      buf = vim.api.nvim_create_buf(false, true)
      vim.api.nvim_buf_set_name(buf, ('steadyhand://%s/transcript.md'):format(session))
      vim.bo[buf].bufhidden = 'wipe'
      scratch.map(buf, 'q', scratch.close, 'close this')
      buffers[session] = buf
    end
    -- The server may have been another one when it was opened.
    vim.b[buf].steadyhand_session, vim.b[buf].steadyhand_client = session, client.id
    write(buf, text)
    local win = vim.fn.bufwinid(buf)
    if win ~= -1 then
      vim.api.nvim_set_current_win(win)
    else
      win = vim.api.nvim_open_win(buf, true, { split = 'below' })
    end
    vim.bo[buf].filetype = 'markdown'
    vim.wo[win][0].winbar = (' Steadyhand session %s %%=q close '):format(session)
  end)
end

---Takes a `steadyhand/session` event.
---@param event { session: string, event: string }
function M.take(event)
  local buf = alive(event.session)
  local client = buf and vim.lsp.get_client_by_id(vim.b[buf].steadyhand_client)
  -- That a model is asked is nothing to read yet.
  if client and event.event ~= 'call' then
    ask(client, event.session, function(text)
      buf = alive(event.session)
      if buf then
        write(buf, text)
      end
    end)
  end
end

return M
