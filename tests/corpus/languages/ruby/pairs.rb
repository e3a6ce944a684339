#~ same: layout
def f(items, limit)
  if items.size > limit
    g(items.first, limit)
  end
end
#~ and
def f(
  items,
  limit
)

    if (items.size > limit)
        g(items.first,
          limit)
    end

end
#~ and
def f items, limit
  if items.size > limit then g items.first, limit end
end
#~ same: comments
def f(a)
  a.b
end
#~ and
def f(a) # here
  # there
  a.b
=begin
everywhere
=end
end
#~ same: renamed locals
def f(a, b = 1, *c, d:, **e, &g)
  h, *i = a
  j ||= b
  c.each do |k, (l, m); n| puts k, l, m, n end
  o = c.map { |p| p.foo? && p.bar!(key: j) }
  q = ->(r) { r + i }
  for s in 1..h do x(s, "#{s} of #{j}") end
  case e
  in {name: String => t} then t
  end
rescue Foo => u
  raise u, d, q, o, &g
end
#~ and
def f(aa, bb = 1, *cc, d:, **ee, &gg)
  hh, *ii = aa
  jj ||= bb
  cc.each do |kk, (ll, mm); nn| puts kk, ll, mm, nn end
  oo = cc.map { |pp| pp.foo? && pp.bar!(key: jj) }
  qq = ->(rr) { rr + ii }
  for ss in 1..hh do x(ss, "#{ss} of #{jj}") end
  case ee
  in {name: String => tt} then tt
  end
rescue Foo => uu
  raise uu, d, qq, oo, &gg
end
#~ same: another name
def valid?(a)
  a.b && !a.c
end
#~ and
def fine(a)
  a.b && !a.c
end
#~ shape: literals
def f(a)
  a.b "one", 1, /x/
end
#~ and
def f(a)
  a.b "two", 1, /x/
end
#~ and
def f(a)
  a.b "one", 2.5, /x/
end
#~ and
def f(a)
  a.b "one", 1, %r{y}i
end
#~ and
def f(a)
  a.b 'three', 1_000, /x/
end
#~ shape: heredocs
def f(a)
  a.b <<~ONE
    first
  ONE
end
#~ and
def f(a)
  a.b <<~ONE
    second
  ONE
end
#~ differ: called name
def f(a)
  g(a)
end
#~ and
def f(a)
  h(a)
end
#~ differ: attribute
def f(a)
  a&.b
end
#~ and
def f(a)
  a&.c
end
#~ differ: operator
def f(a, b)
  a << b
end
#~ and
def f(a, b)
  a + b
end
#~ differ: order
def f(a, b)
  g a, b
end
#~ and
def f(a, b)
  g b, a
end
#~ differ: what belongs to which call
def f(a, b)
  g(a, h(a, b))
end
#~ and
def f(a, b)
  g(a, h(a), b)
end
#~ differ: what a line's end separates
def f(a)
  g a
  h
end
#~ and
def f(a)
  g
  a h
end
#~ differ: symbol
def f(x)
  x.send(:x)
end
#~ and
def f(y)
  y.send(:y)
end
#~ differ: keyword
def f(a)
  g(one: a)
end
#~ and
def f(a)
  g(two: a)
end
#~ differ: what stands behind a number
def f(a)
  a - 3.days
end
#~ and
def f(a)
  a - 3.hours
end
#~ differ: method of the class
class A
  def f(a)
    g(a)
  end
end
#~ and
class A
  def self.f(a)
    g(a)
  end
end
#~ differ: what `super` is
def f(a)
  a.b { super }
end
#~ and
def g(a)
  a.b { super }
end

#~ differ: a local and a variable of the object
def keep(name)
  @name = name.strip
  log(@name, name)
end
#~ and
def keep(name)
  name = name.strip
  log(name, name)
end

#~ differ: variables of the object, though locals have their names
def keep(name, title)
  @name = name.strip
end
#~ and
def keep(name, title)
  @title = name.strip
end

#~ same: another local beside a variable of the object
def keep(name)
  @name = name.strip
end
#~ and
def keep(title)
  @name = title.strip
end
