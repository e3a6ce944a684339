#~ same: layout
def f(items, limit):
    return g(items, limit)[:3]
#~ and
def f(
    items,
    limit,
):

  return (g(items,limit)[ : 3 ])
#~ and
def f(items: list[str], limit: int) -> str:
    return g(items, limit)[:3]
#~ same: comments
def f(a):
    return a.b
#~ and
def f(a):  # here
    # there
    """Everywhere."""
    return a.b
#~ same: renamed locals
def f(a, *b, c=1):
    d = [e.x for e in a if e in b]
    with open(c) as g:
        return d, g
#~ and
def f(p, *q, r=1):
    s = [t.x for t in p if t in q]
    with open(r) as u:
        return s, u
#~ shape: literals
def f(a):
    return a.b("one", 1)
#~ and
def f(a):
    return a.b("two", 1)
#~ and
def f(a):
    return a.b("one", 2.5)
#~ differ: called name
def f(a):
    return g(a)
#~ and
def f(a):
    return h(a)
#~ differ: attribute
def f(a):
    return a.b
#~ and
def f(a):
    return a.c
#~ differ: operator
def f(a):
    return a + 1
#~ and
def f(a):
    return a - 1
#~ differ: order
def f(a, b):
    return g(a, b)
#~ and
def f(a, b):
    return g(b, a)
#~ differ: decorator
def f(a):
    return a.b
#~ and
@cache
def f(a):
    return a.b
#~ differ: where a block ends
def f(a):
    if a:
        g()
        h()
#~ and
def f(a):
    if a:
        g()
    h()
