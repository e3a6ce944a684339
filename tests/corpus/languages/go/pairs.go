//~ same: layout
func f(items []string, limit int) string {
	if len(items) > limit { return items[0] }
	return g(items, limit)
}
//~ and
func f(
	items []string,
	limit int,
) string {
	if (len(items) > limit) {
		return (items[0])
	}

	return g(
		items,
		limit,
	)
}
//~ same: comments
func f(a A) B {
	return a.b
}
//~ and
func f(a A /* here */) B { // there
	// everywhere
	return a.b
}
//~ same: renamed locals
func f(a []A, b ...B) (c int, err error) {
	for d, e := range a {
		var h, i = e.h(d), 1
		c += h + i
	}
	if j, ok := x[c]; ok {
		return j, func(k int) error { return y(k) }(1)
	}
	switch l := b[0].(type) {
	case Z:
		return l.m, nil
	}
	return c, err
}
//~ and
func f(p []A, q ...B) (r int, failed error) {
	for s, t := range p {
		var u, v = t.h(s), 1
		r += u + v
	}
	if w, found := x[r]; found {
		return w, func(n int) error { return y(n) }(1)
	}
	switch o := q[0].(type) {
	case Z:
		return o.m, nil
	}
	return r, failed
}
//~ same: type parameters
func f[T any](a T) []T {
	return g(a)
}
//~ and
func f[U any](a U) []U {
	return g(a)
}
//~ same: receivers
func (s *Store) f(key string) string {
	return s.items[key]
}
//~ and
func (c *Cache) g(k string) string {
	return c.items[k]
}
//~ shape: literals
func f(a A) B {
	return a.b("one", 1, 'x')
}
//~ and
func f(a A) B {
	return a.b("two", 1, 'x')
}
//~ and
func f(a A) B {
	return a.b("one", 2, 'x')
}
//~ and
func f(a A) B {
	return a.b("one", 1, 'y')
}
//~ differ: called name
func f(a A) B {
	return g(a)
}
//~ and
func f(a A) B {
	return h(a)
}
//~ differ: attribute
func f(a A) B {
	return a.b
}
//~ and
func f(a A) B {
	return a.c
}
//~ differ: operator
func f(a, b int) int {
	return a &^ b
}
//~ and
func f(a, b int) int {
	return a & b
}
//~ and
func f(a, b int) int {
	return a ^ b
}
//~ differ: order
func f(a A, b B) C {
	return g(a, b)
}
//~ and
func f(a A, b B) C {
	return g(b, a)
}
//~ differ: keys
func f(b B) A {
	return A{b: b}
}
//~ and
func f(c B) A {
	return A{c: c}
}
//~ differ: types
func f(a int32) int {
	return int(a)
}
//~ and
func f(a int64) int {
	return int(a)
}
//~ differ: declared or assigned
func f(a A) (b B) {
	b = g(a)
	return b
}
//~ and
func f(a A) (b B) {
	b := g(a)
	return b
}
//~ differ: variadic
func f(a []A) {
	g(a...)
}
//~ and
func f(a []A) {
	g(a)
}
//~ differ: grouping that counts
func f(a, b int) int {
	return (a + b) * 2
}
//~ and
func f(a, b int) int {
	return a + b*2
}
