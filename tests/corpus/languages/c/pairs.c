//~ same: layout
int f(const char *items, int limit) {
    if (size(items) > limit) { return g(items[0], limit); }
    return 0;
}
//~ and
static inline
int f(
    const char *items,
    int limit
)
{
    if (size(items) > limit)
    {
        return (g(items[0],
                  limit));
    }

    return 0;
}
//~ same: comments
int f(struct b *a) { return a->b; }
//~ and
int f(struct b *a /* here */) { // there
    /* everywhere */
    return a->b;
}
//~ same: renamed locals
int f(const char *a, int b[3], ...) {
    int c, *d = a, e[2] = {1}, **g = &d;
    for (size_t h = 0; h < c; h++) { d->x += e[h] * b[h]; }
    if (c) goto out;
    struct pt p = { .x = c, .y = d };
out:
    return h2(p, g);
}
//~ and
int f(const char *aa, int bb[3], ...) {
    int cc, *dd = aa, ee[2] = {1}, **gg = &dd;
    for (size_t hh = 0; hh < cc; hh++) { dd->x += ee[hh] * bb[hh]; }
    if (cc) goto done;
    struct pt pp = { .x = cc, .y = dd };
done:
    return h2(pp, gg);
}
//~ same: another name
int f(int a) { return a ? f(a - 1) : g(a); }
//~ and
int other(int a) { return a ? other(a - 1) : g(a); }
//~ same: strings that adjoin
int f(int a) { return g(a, "one" "two"); }
//~ and
int f(int a) {
    return g(a,
             "one"
             "two");
}
//~ shape: literals
int f(int a) { return g(a, "one", 1, 'x'); }
//~ and
int f(int a) { return g(a, "two", 1, 'x'); }
//~ and
int f(int a) { return g(a, "one", 0x2FUL, 'x'); }
//~ and
int f(int a) { return g(a, "one", 1, '\n'); }
//~ differ: called name
int f(int a) { return g(a); }
//~ and
int f(int a) { return h(a); }
//~ differ: attribute
int f(struct b *a) { return a->b; }
//~ and
int f(struct b *a) { return a->c; }
//~ differ: operator
int f(int a) { return a << 1; }
//~ and
int f(int a) { return a >> 1; }
//~ differ: order
int f(int a, int b) { return g(a, b); }
//~ and
int f(int a, int b) { return g(b, a); }
//~ differ: types
int f(void *a) { return (int) a; }
//~ and
int f(void *a) { return (short) a; }
//~ differ: pointers
int f(int *a) { return *a; }
//~ and
int f(int *a) { return &a; }
//~ differ: types like the locals
int f(void) { struct item item; return g(item); }
//~ and
int f(void) { struct thing thing; return g(thing); }
//~ differ: cast of a group
int f(int a, int b) { return (int) (a + b); }
//~ and
int f(int a, int b) { return (int) a + b; }
//~ differ: conditions of the preprocessor
int f(int a) {
#ifdef ONE
    return g(a);
#endif
}
//~ and
int f(int a) {
#ifdef TWO
    return g(a);
#endif
}
