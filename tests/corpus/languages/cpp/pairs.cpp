//~ same: layout
int f(const Items& items, int limit) {
    if (items.size() > limit) { return g(items[0], limit); }
    return 0;
}
//~ and
inline int f(
    const Items& items,
    int limit
)
{
    if (items.size() > limit)
    {
        return (g(items[0],
                  limit));
    }

    return 0;
}
//~ same: comments
int f(B* a) { return a->b; }
//~ and
int f(B* a /* here */) { // there
    /** everywhere */
    return a->b;
}
//~ same: renamed locals
int f(const A& a, B&& b, int c = 3) {
    auto [d, e] = a;
    for (const auto& g : a) { c += g.h(d); }
    for (auto& [k, v] : b) { c += k.first * v->second; }
    try { x(e); } catch (const E& ex) { y(ex); }
    auto fn = [&c, z = a](int q, auto... r) { return q + c + z; };
    if (int w = x(c); w > 1) { return w; }
    return fn(c);
}
//~ and
int f(const A& aa, B&& bb, int cc = 3) {
    auto [dd, ee] = aa;
    for (const auto& gg : aa) { cc += gg.h(dd); }
    for (auto& [kk, vv] : bb) { cc += kk.first * vv->second; }
    try { x(ee); } catch (const E& error) { y(error); }
    auto fun = [&cc, zz = aa](int qq, auto... rr) { return qq + cc + zz; };
    if (int ww = x(cc); ww > 1) { return ww; }
    return fun(cc);
}
//~ same: inside and outside of the class
class A {
    int f(int a) { return b(a) + c_; }
};
//~ and
int A::f(int a) { return b(a) + c_; }
//~ and
int shop::A<int>::f(int a) { return b(a) + c_; }
//~ and .c
int f(int a) { return b(a) + c_; }
//~ same: override
class A {
    int f(int a) { return b(a); }
};
//~ and
class A {
    int f(int a) override { return b(a); }
};
//~ shape: literals
int f(B a) { return a.b("one", 1, 'x'); }
//~ and
int f(B a) { return a.b("two", 1, 'x'); }
//~ and
int f(B a) { return a.b("one", 1'000, 'x'); }
//~ and
int f(B a) { return a.b(R"(one "two")", 1, 'x'); }
//~ differ: called name
int f(B a) { return g(a); }
//~ and
int f(B a) { return h(a); }
//~ differ: attribute
int f(B a) { return a.b; }
//~ and
int f(B a) { return a.c; }
//~ differ: what is named by its namespace
int f(B a) { return std::max(a); }
//~ and
int f(B a) { return std::min(a); }
//~ differ: operator
bool f(B a, B b) { return a == b; }
//~ and
bool f(B a, B b) { return a != b; }
//~ differ: order
int f(B a, B b) { return g(a, b); }
//~ and
int f(B a, B b) { return g(b, a); }
//~ differ: template arguments
int f(B a) { return g<int>(a); }
//~ and
int f(B a) { return g<long>(a); }
//~ differ: cast
int f(B* a) { return g(static_cast<C*>(a)); }
//~ and
int f(B* a) { return g(dynamic_cast<C*>(a)); }
//~ differ: const
class A {
    int f(int a) { return b(a); }
};
//~ and
class A {
    int f(int a) const { return b(a); }
};
