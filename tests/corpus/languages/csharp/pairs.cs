//~ same: layout
class A {
    int F(List<string> items, int limit) {
        if (items.Count > limit) { return G(items[0], limit); }
        return 0;
    }
}
//~ and
class A {
    public static int F(
        List<string> items,
        int limit
    )
    {
        if (items.Count > limit)
        {
            return (G(items[0],
                limit));
        }

        return 0;
    }
}
//~ same: comments
class A {
    int F(B a) { return a.b; }
}
//~ and
class A {
    int F(B a /* here */) { // there
        /// everywhere
        #region inside
        return a.b;
        #endregion
    }
}
//~ same: renamed locals
class A {
    int F(int a, ref string b, params int[] c) {
        int d = 0, e; var (p, q) = t; (int m, var n) = u;
        for (int k = 0; k < a; k++) { e += k; }
        foreach (var g in c) { g.X(name: a); }
        foreach (var (h, i) in c) { h.Y(i, m, n); }
        Func<int, int> z = x => x + d; Func<int, int, int> y = (v, w) => { return v + w; };
        try { z(p); } catch (E ex) when (ex.X) { y(q, ex); }
        if (o is string s && int.TryParse(s, out var r)) { return r; }
        var l = from one in c let two = one.X select new { one, two };
        return new Foo { X = a, Y = $"{d:F2} of {l}" };
    }
}
//~ and
class A {
    int F(int aa, ref string bb, params int[] cc) {
        int dd = 0, ee; var (pp, qq) = t; (int mm, var nn) = u;
        for (int kk = 0; kk < aa; kk++) { ee += kk; }
        foreach (var gg in cc) { gg.X(name: aa); }
        foreach (var (hh, ii) in cc) { hh.Y(ii, mm, nn); }
        Func<int, int> zz = xx => xx + dd; Func<int, int, int> yy = (vv, ww) => { return vv + ww; };
        try { zz(pp); } catch (E error) when (error.X) { yy(qq, error); }
        if (o is string ss && int.TryParse(ss, out var rr)) { return rr; }
        var ll = from uno in cc let due = uno.X select new { uno, due };
        return new Foo { X = aa, Y = $"{dd:F2} of {ll}" };
    }
}
//~ shape: literals
class A {
    int F(B a) { return a.b("one", 1, 'x'); }
}
//~ and
class A {
    int F(B a) { return a.b("two", 1, 'x'); }
}
//~ and
class A {
    int F(B a) { return a.b("one", 2.5f, 'x'); }
}
//~ and
class A {
    int F(B a) { return a.b(@"o""ne", 1, 'x'); }
}
//~ differ: called name
class A {
    int F(B a) { return G(a); }
}
//~ and
class A {
    int F(B a) { return H(a); }
}
//~ differ: attribute
class A {
    int F(B a) { return a.b; }
}
//~ and
class A {
    int F(B a) { return a.c; }
}
//~ differ: operator
class A {
    int F(B a, B b) { return a ?? b; }
}
//~ and
class A {
    int F(B a, B b) { return a & b; }
}
//~ differ: order
class A {
    int F(B a, B b) { return G(a, b); }
}
//~ and
class A {
    int F(B a, B b) { return G(b, a); }
}
//~ differ: named argument
class A {
    int F(B a) { return G(one: a); }
}
//~ and
class A {
    int F(B a) { return G(two: a); }
}
//~ differ: property that is set
class A {
    B F(int x) { return new B { x = x }; }
}
//~ and
class A {
    B F(int y) { return new B { y = y }; }
}
//~ differ: types
class A {
    int F(object a) { return (int) a; }
}
//~ and
class A {
    int F(object a) { return (short) a; }
}
//~ differ: attributes
class A {
    int F(B a) { return a.b; }
}
//~ and
class A {
    [Cached]
    int F(B a) { return a.b; }
}
//~ differ: async
class A {
    Task F(B a) { return a.b(); }
}
//~ and
class A {
    async Task F(B a) { return a.b(); }
}
//~ differ: what is made by a method of its name
class A {
    B One(B a) { return new One(a); }
}
//~ and
class A {
    B Two(B a) { return new Two(a); }
}
