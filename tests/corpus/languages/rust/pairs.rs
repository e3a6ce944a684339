//~ same: layout
fn f(items: &[u8], limit: usize) -> u8 {
    if items.len() > limit { return items[0]; }
    g(items, limit)
}
//~ and
pub fn f(
    items: &[u8],
    limit: usize,
) -> u8
{
    if (items.len() > limit) {
        return (items[0]);
    }
    g(
        items,
        limit,
    )
}
//~ same: comments
fn f(a: A) -> B {
    a.b
}
//~ and
fn f(a: A /* here */) -> B {
    // there
    /* everywhere */
    a.b
}
//~ same: renamed locals
fn f(a: &[A], mut b: B) -> Option<C> {
    let (c, d) = x(a);
    for (e, h) in c.iter().enumerate() {
        b += a.iter().map(|i| i.h(e)).sum::<u8>() + h;
    }
    if let Some(j) = d {
        return y(j);
    }
    match b {
        Some(k) if k > 1 => z(k),
        l @ 1..=5 => l,
        P { m, n: o } => z(m, o),
        q => q,
    }
}
//~ and
fn f(aa: &[A], mut bb: B) -> Option<C> {
    let (cc, dd) = x(aa);
    for (ee, hh) in cc.iter().enumerate() {
        bb += aa.iter().map(|ii| ii.h(ee)).sum::<u8>() + hh;
    }
    if let Some(jj) = dd {
        return y(jj);
    }
    match bb {
        Some(kk) if kk > 1 => z(kk),
        ll @ 1..=5 => ll,
        P { m, n: oo } => z(m, oo),
        qq => qq,
    }
}
//~ same: type parameters and lifetimes
fn f<'a, T: Clone>(x: &'a T) -> &'a T where T: B {
    g(x)
}
//~ and
fn f<'b, U: Clone>(x: &'b U) -> &'b U where U: B {
    g(x)
}
//~ same: visibility
fn f(a: A) -> B { a.b }
//~ and
pub(crate) fn f(a: A) -> B { a.b }
//~ shape: literals
fn f(a: A) -> B {
    a.b("one", 1, 'x', r#"y"#)
}
//~ and
fn f(a: A) -> B {
    a.b("two", 1, 'x', r#"y"#)
}
//~ and
fn f(a: A) -> B {
    a.b("one", 2.5, 'x', r#"y"#)
}
//~ and
fn f(a: A) -> B {
    a.b("one", 1, 'z', r#"y"#)
}
//~ differ: called name
fn f(a: A) -> B {
    g(a)
}
//~ and
fn f(a: A) -> B {
    h(a)
}
//~ differ: attribute
fn f(a: A) -> B {
    a.b
}
//~ and
fn f(a: A) -> B {
    a.c
}
//~ differ: operator
fn f(a: u8) -> u8 {
    a << 1
}
//~ and
fn f(a: u8) -> u8 {
    a >> 1
}
//~ and
fn f(a: u8) -> u8 {
    a + 1
}
//~ differ: order
fn f(a: A, b: B) -> C {
    g(a, b)
}
//~ and
fn f(a: A, b: B) -> C {
    g(b, a)
}
//~ differ: tuple of one
fn f(a: A) -> B {
    g((a,))
}
//~ and
fn f(a: A) -> B {
    g((a))
}
//~ differ: fields
fn f(b: B) -> A {
    A { b: b }
}
//~ and
fn f(c: B) -> A {
    A { c: c }
}
//~ differ: shorthand fields
fn f(b: B) -> A {
    A { b }
}
//~ and
fn f(c: B) -> A {
    A { c }
}
//~ differ: variants
fn f(a: A) -> u8 {
    match a { None => 1, _ => 2 }
}
//~ and
fn f(a: A) -> u8 {
    match a { Other => 1, _ => 2 }
}
//~ differ: range
fn f(a: u8) -> R {
    0..a
}
//~ and
fn f(a: u8) -> R {
    0..=a
}
//~ differ: question mark
fn f(a: A) -> B {
    a.b()?.c()
}
//~ and
fn f(a: A) -> B {
    a.b().c()
}
//~ differ: macro or function
fn f(a: A) -> B {
    g!(a)
}
//~ and
fn f(a: A) -> B {
    g(a)
}
//~ differ: reference
fn f(a: A) -> B {
    g(&a)
}
//~ and
fn f(a: A) -> B {
    g(&mut a)
}
//~ differ: attribute of the function
fn f(a: A) -> B {
    a.b
}
//~ and
#[track_caller]
fn f(a: A) -> B {
    a.b
}
