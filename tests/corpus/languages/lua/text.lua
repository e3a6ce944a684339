--~ path lua/shop/text.lua
--~ from lua/home.lua
--- Reads and writes.

local LIMIT <const> = 3 --~ constant LIMIT private signature="local LIMIT <const> = 3"
MOST = 40 --~ constant MOST
local lower = 4
local M = {}
local Post = {}

--- Makes a slug.
-- @param title what to make it of
function M.slugify(title, most) --~ function slugify doc="Makes a slug." signature="function M.slugify(title, most)" import=`local text = require("shop.text")`
  local function inner(a) return a + 1 end --~ function slugify.inner local private
  each(title, function(b)
    local function deep(c) return c + b end --~ function slugify.deep local private branch
    return deep(b)
  end)
  return title:sub(1, inner(most))
end

function M:save(path) --~ method M.save signature="function M:save(path)"
  return self.file:write(path)
end

function Post.new(a) --~ method Post.new
  return setmetatable({ a = a }, Post)
end

local function hidden(a) return a + 1 end --~ function hidden private
local other = function(a) return a + 2 end --~ function other private signature="local other = function(a)"
M.assigned = function(a) return a + 3 end --~ function assigned
M.table = {
  keyed = function(a) return a + 4 end, --~ method M.table.keyed
  count = 3,
}
call({ callback = function(a) return a end })

function nothing() end --~ function nothing trivial
function owed(a) --~ function owed trivial
  error("later")
end

if jit then
  function M.find(a) return a + 1 end --~ function find branch
else
  function M.find(a) return a + 2 end --~ function find branch
end

function test_slug() assert(true) end --~ function test_slug test

return M
