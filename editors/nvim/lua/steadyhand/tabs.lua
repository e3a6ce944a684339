-- The preview "tab": a tab page for each file, the file as it is beside what is proposed, in diff mode.

local hunks = require('steadyhand.hunks')
local scratch = require('steadyhand.scratch')

local M = {}

---@class steadyhand.Tab
---@field path string
---@field now integer the buffer with the file as it is
---@field proposed integer
---@field places table<integer, steadyhand.Place[]> by buffer

---@class steadyhand.Compared: steadyhand.File
---@field base string[]

local tabs = {} ---@type steadyhand.Tab[]
---@type integer? the tab page that the person was in before
local origin

---@param client vim.lsp.Client
---@param session string
---@param done fun(files?: steadyhand.Compared[])
function M.fetch(client, session, done)
  hunks.fetch(client, session, function(files)
    local left = vim.list_slice(files or {})
    local function next_one()
      local file = table.remove(left) ---@type steadyhand.Compared?
      if not file then
        done(files)
        return
      end
      local path = vim.uri_encode(file.source or file.path)
      local uri = ('steadyhand-proposal://%s/%s?side=base'):format(session, path)
      client:request('steadyhand/document', { uri = uri }, function(err, answer)
        if err then
          done()
          return
        end
        file.base = hunks.lines(answer.text)
        next_one()
      end)
    end
    next_one()
  end)
end

---What a file would be with all of its hunks, those rejected too: they can be accepted after all.
---@param file steadyhand.Compared
---@return string[] lines
---@return steadyhand.Place[] now where each hunk stands in the file
---@return steadyhand.Place[] proposed where it stands in these lines
local function composed(file)
  local lines, now, proposed, at = {}, {}, {}, 0
  for _, hunk in ipairs(file.hunks) do
    local first, last = hunk.first, hunk['end']
    if hunk.kind == 'rename' then
      first, last = 0, #file.base
    end
    -- Several conflicts may be about the same lines; the first of them is shown.
    if first >= at then
      vim.list_extend(lines, file.base, at + 1, first)
      local from = #lines
      vim.list_extend(lines, hunks.lines(hunk.new))
      table.insert(now, { id = hunk.id, first = first, last = last })
      table.insert(proposed, { id = hunk.id, first = from, last = #lines })
      at = last
    end
  end
  vim.list_extend(lines, file.base, at + 1)
  return lines, now, proposed
end

---@param buf integer
---@param lines string[]
---@param places steadyhand.Place[]
---@param by_id table<string, steadyhand.Hunk>
---@param labelled boolean
local function draw_side(buf, lines, places, by_id, labelled)
  scratch.write(buf, lines)
  vim.api.nvim_buf_clear_namespace(buf, hunks.ns, 0, -1)
  for _, place in ipairs(places) do
    local hunk = by_id[place.id]
    local mark = hunks.sign(hunk) ---@type vim.api.keyset.set_extmark
    mark.virt_text = labelled and { hunks.label(hunk) } or nil
    local row = place.first == place.last and math.max(place.first - 1, 0) or place.first
    vim.api.nvim_buf_set_extmark(buf, hunks.ns, row, 0, mark)
  end
end

---@param tab steadyhand.Tab
---@param file steadyhand.Compared
local function draw(tab, file)
  local lines, now, proposed = composed(file)
  local by_id = {} ---@type table<string, steadyhand.Hunk>
  for _, hunk in ipairs(file.hunks) do
    by_id[hunk.id] = hunk
  end
  draw_side(tab.now, file.base, now, by_id, false)
  draw_side(tab.proposed, lines, proposed, by_id, true)
  tab.places = { [tab.now] = now, [tab.proposed] = proposed }
  for _, win in ipairs(vim.fn.win_findbuf(tab.proposed)) do
    vim.wo[win][0].winbar = (' %s%%<%%=dp accept · do reject '):format(hunks.summary(file))
    vim.api.nvim_win_call(win, vim.cmd.diffupdate)
  end
end

---@param tab steadyhand.Tab
local function leave(tab)
  tabs = vim.tbl_filter(function(other)
    return other ~= tab
  end, tabs)
  local inside = tab.places[vim.api.nvim_get_current_buf()] ~= nil
  scratch.delete(tab.now)
  scratch.delete(tab.proposed)
  if inside and #tabs == 0 and origin and vim.api.nvim_tabpage_is_valid(origin) then
    vim.api.nvim_set_current_tabpage(origin)
  end
end

---One side of a tab page.
---@param tab steadyhand.Tab
---@param name string
---@param session string
---@param client integer
---@param keys { accept: string, reject: string }
local function side(tab, name, session, client, keys)
  local buf = scratch.new(('/%s/%s'):format(name, tab.path), session, client)
  scratch.map(buf, keys.accept, '<Cmd>Steadyhand accept<CR>', 'accept this hunk')
  scratch.map(buf, keys.reject, '<Cmd>Steadyhand reject<CR>', 'reject this hunk')
  scratch.map(buf, 'q', function()
    leave(tab)
  end, 'close this tab')
  -- One side is no diff: the other goes along, whichever way the person closed the first.
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = buf,
    once = true,
    callback = vim.schedule_wrap(function()
      leave(tab)
    end),
  })
  return buf
end

---@param buf integer
---@param tab steadyhand.Tab
local function dress(buf, tab)
  vim.bo[buf].bufhidden = 'wipe'
  vim.bo[buf].filetype = vim.filetype.match({ filename = tab.path }) or ''
  vim.cmd.diffthis()
end

---@param session string
---@param client integer
---@param file steadyhand.Compared
local function open(session, client, file)
  local tab = { path = file.path, places = {} } ---@type steadyhand.Tab
  -- The keys move text as they do in any diff: towards the file is to accept, away from it to reject.
  tab.now = side(tab, 'now', session, client, { accept = 'do', reject = 'dp' })
  tab.proposed = side(tab, 'proposed', session, client, { accept = 'dp', reject = 'do' })
  table.insert(tabs, tab)
  vim.cmd(('tab sbuffer %d'):format(tab.now))
  dress(tab.now, tab)
  vim.wo[0][0].winbar = (' %s%%<%%=do accept · dp reject '):format(scratch.plain(file.source or file.path))
  vim.cmd(('vertical rightbelow sbuffer %d'):format(tab.proposed))
  dress(tab.proposed, tab)
  draw(tab, file)
  vim.cmd.wincmd('p')
  local first = tab.places[tab.now][1]
  vim.api.nvim_win_set_cursor(0, { math.min(first.first + 1, vim.api.nvim_buf_line_count(tab.now)), 0 })
end

---@param session string
---@param client integer
---@param files steadyhand.Compared[]
function M.open(session, client, files)
  M.close()
  hunks.highlights()
  origin = vim.api.nvim_get_current_tabpage()
  for _, file in ipairs(files) do
    open(session, client, file)
  end
  vim.api.nvim_set_current_win(vim.fn.win_findbuf(tabs[1].now)[1])
end

---Draws what is open anew; a tab that the person closed stays closed.
---@param files steadyhand.Compared[]
function M.update(files)
  hunks.highlights()
  for _, tab in ipairs(vim.list_slice(tabs)) do
    local file = vim.iter(files):find(function(one)
      return one.path == tab.path
    end)
    if file then
      draw(tab, file)
    else
      leave(tab)
    end
  end
end

function M.close()
  for _, tab in ipairs(vim.list_slice(tabs)) do
    leave(tab)
  end
end

---The hunk that a line beside it belongs to. The cursor of the other side comes to stand right after
---one, and Neovim may see lines that are alike a little higher or lower than the server does.
---@param places steadyhand.Place[]
---@param row integer
---@return string? id
local function nearest(places, row)
  local id, least = nil, vim.fn.diff_hlID(row + 1, 1) ~= 0 and math.huge or 2
  for _, place in ipairs(places) do
    local far = math.max(place.first - row, row - place.last + 1)
    if far < least then
      id, least = place.id, far
    end
  end
  return id
end

---The hunks of some lines of the current buffer, from 1.
---@param first integer
---@param last integer
---@return string[] ids
function M.at(first, last)
  local buf = vim.api.nvim_get_current_buf()
  local tab = vim.iter(tabs):find(function(one)
    return one.places[buf] ~= nil
  end)
  local places = tab and tab.places[buf] or {}
  local found = hunks.touched(places, first - 1, last - 1)
  if #found == 0 and first == last then
    found = { nearest(places, first - 1) }
  end
  return found
end

---@param step 1|-1
function M.walk(step)
  local here = vim.api.nvim_get_current_buf()
  local inside = vim.iter(tabs):any(function(tab)
    return tab.places[here] ~= nil
  end)
  if inside then
    vim.cmd.normal({ step > 0 and ']c' or '[c', bang = true })
  elseif tabs[1] then
    vim.api.nvim_set_current_win(vim.fn.win_findbuf(tabs[1].now)[1])
  end
end

return M
