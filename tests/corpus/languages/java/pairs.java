//~ same: layout
class A {
    int f(List<String> items, int limit) {
        if (items.size() > limit) { return g(items.get(0), limit); }
        return 0;
    }
}
//~ and
class A {
    public static int f(
        final List<String> items,
        int limit
    ) throws E
    {
        if (items.size() > limit)
        {
            return (g(items.get(0),
                limit));
        }

        return 0;
    }
}
//~ same: comments
class A {
    int f(B a) { return a.b; }
}
//~ and
class A {
    int f(B a /* here */) { // there
        /** everywhere */
        return a.b;
    }
}
//~ same: renamed locals
class A {
    int f(B a, C... b) {
        int c = 0, d = 1;
        for (C e : b) { c += e.h(d); }
        for (int i = 0; i < c; i++) { d += i; }
        try (R r = x(a)) { y(r); } catch (E | F ex) { y(ex); }
        b.map(j -> j.k).map((l, m) -> l + m);
        if (a instanceof P p && p.q) { return p.q; }
        return c;
    }
}
//~ and
class A {
    int f(B aa, C... bb) {
        int cc = 0, dd = 1;
        for (C ee : bb) { cc += ee.h(dd); }
        for (int ii = 0; ii < cc; ii++) { dd += ii; }
        try (R rr = x(aa)) { y(rr); } catch (E | F error) { y(error); }
        bb.map((jj) -> jj.k).map((ll, mm) -> ll + mm);
        if (aa instanceof P pp && pp.q) { return pp.q; }
        return cc;
    }
}
//~ same: type parameters
class A {
    <T> T f(List<T> a) { return a.get(0); }
}
//~ and
class A {
    <U> U f(List<U> a) { return a.get(0); }
}
//~ same: parameters' annotations
class A {
    int f(B a) { return a.b; }
}
//~ and
class A {
    int f(@Nullable final B a) { return a.b; }
}
//~ shape: literals
class A {
    int f(B a) { return a.b("one", 1, 'x'); }
}
//~ and
class A {
    int f(B a) { return a.b("two", 1, 'x'); }
}
//~ and
class A {
    int f(B a) { return a.b("one", 2L, 'x'); }
}
//~ and
class A {
    int f(B a) { return a.b("one", 1, 'y'); }
}
//~ differ: called name
class A {
    int f(B a) { return g(a); }
}
//~ and
class A {
    int f(B a) { return h(a); }
}
//~ differ: called names like the locals
class A {
    int f() { int size = size(); return size; }
}
//~ and
class A {
    int f() { int count = count(); return count; }
}
//~ differ: attribute
class A {
    int f(B a) { return a.b; }
}
//~ and
class A {
    int f(B a) { return a.c; }
}
//~ differ: operator
class A {
    int f(int a) { return a >> 1; }
}
//~ and
class A {
    int f(int a) { return a >>> 1; }
}
//~ differ: order
class A {
    int f(B a, B b) { return g(a, b); }
}
//~ and
class A {
    int f(B a, B b) { return g(b, a); }
}
//~ differ: types
class A {
    int f(Object a) { return (int) a; }
}
//~ and
class A {
    int f(Object a) { return (short) a; }
}
//~ differ: annotation
class A {
    int f(B a) { return a.b; }
}
//~ and
class A {
    @Transactional
    int f(B a) { return a.b; }
}
//~ differ: synchronized
class A {
    int f(B a) { return a.b; }
}
//~ and
class A {
    synchronized int f(B a) { return a.b; }
}
//~ differ: cast of a group
class A {
    int f(int a, int b) { return (int) (a + b); }
}
//~ and
class A {
    int f(int a, int b) { return (int) a + b; }
}
//~ differ: overloads of the own name
class A {
    void start(int a) { start(a, 1); }
}
//~ and
class A {
    void stop(int a) { stop(a, 1); }
}
//~ differ: fields named as the method
class A {
    void load() { emit(load); }
}
//~ and
class A {
    void store() { emit(store); }
}
