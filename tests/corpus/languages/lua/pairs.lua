--~ same: layout
function f(items, limit)
  if #items > limit then return g(items[1], limit) end
  return 0
end
--~ and
function f(
    items,
    limit
)

    if (#items > limit) then
        return g(items[1],
            limit);
    end
    return 0;
end
--~ same: comments
function f(a)
  return a.b
end
--~ and
function f(a) -- here
  --[[ there
  and ]]
  --[==[ everywhere ]==]
  return a.b
end
--~ same: renamed locals
function f(a, b, ...)
  local c, d <const> = a, 1
  local e
  for i = 1, 10 do c = c + i end
  for k, v in pairs(b) do e[k] = v.z..d end
  local function g(h) return h and g(h - 1) end
  local j = function(l) return l end
  goto done
  ::done::
  repeat local w = 1 until w
  return g(c), j(d), e, { x = c, ["y"] = d, e }, ...
end
--~ and
function f(aa, bb, ...)
  local cc, dd <const> = aa, 1
  local ee
  for ii = 1, 10 do cc = cc + ii end
  for kk, vv in pairs(bb) do ee[kk] = vv.z..dd end
  local function gg(hh) return hh and gg(hh - 1) end
  local jj = function(ll) return ll end
  goto done
  ::done::
  repeat local ww = 1 until ww
  return gg(cc), jj(dd), ee, { x = cc, ["y"] = dd, ee }, ...
end
--~ same: the table that it is put into
function M.f(a) return a.b end
--~ and
function Other.sub.g(a) return a.b end
--~ and
function h(a) return a.b end
--~ shape: literals
function f(a)
  return a.b("one", 1)
end
--~ and
function f(a)
  return a.b("two", 1)
end
--~ and
function f(a)
  return a.b("one", 0x2F)
end
--~ and
function f(a)
  return a.b([[one "two"]], 1)
end
--~ differ: called name
function f(a) return g(a) end
--~ and
function f(a) return h(a) end
--~ differ: attribute
function f(a) return a.b end
--~ and
function f(a) return a.c end
--~ differ: method
function f(a) return a:b() end
--~ and
function f(a) return a:c() end
--~ differ: methods like the locals
function f(a)
  local gsub = 1
  return a:gsub(gsub)
end
--~ and
function f(a)
  local sub = 1
  return a:sub(sub)
end
--~ differ: operator
function f(a, b) return a .. b end
--~ and
function f(a, b) return a + b end
--~ differ: order
function f(a, b) return g(a, b) end
--~ and
function f(a, b) return g(b, a) end
--~ differ: key
function f(x) return { x = x } end
--~ and
function f(y) return { y = y } end
--~ differ: one value of a call
function f(a) return (g(a)) end
--~ and
function f(a) return g(a) end
