//~ same: layout
function f(items, limit) {
  if (items.length > limit) {
    return [items[0], { a: items[1], b: "c" }];
  }
  return null;
}
//~ and
function f(items,
           limit)
{
    if (items.length > limit)
    {
        return ([
            items[0],
            {
                a: items[1],
                b: 'c',
            },
        ])
    }
    return null
}
//~ same: comments
function f(a) {
  return a.b;
}
//~ and
function f(a /* here */) {
  // there
  return /* everywhere */ a.b;
}
//~ same: renamed locals
function f(a, b = 1, ...c) {
  let d = 0;
  for (const e of a) {
    d += c.map((g) => g.h * e[b]);
  }
  try {
    x(d);
  } catch (i) {
    y(i);
  }
  const [j, k] = c, { l: m } = b;
  return `${d} and ${j}` + k + m;
}
//~ and
function f(p, q = 1, ...r) {
  let s = 0;
  for (const t of p) {
    s += r.map((u) => u.h * t[q]);
  }
  try {
    x(s);
  } catch (v) {
    y(v);
  }
  const [w, z] = r, { l: n } = q;
  return `${s} and ${w}` + z + n;
}
//~ same: ways to declare a function
function f(a) {
  return a.b;
}
//~ and
const g = function (a) {
  return a.b;
};
//~ and
export const g = (a) => {
  return a.b;
};
//~ and
const g = a => {
  return a.b;
};
//~ and
export default function g(a) {
  return a.b;
}
//~ and
class A {
  g(a) {
    return a.b;
  }
}
//~ and
class A {
  g = (a) => {
    return a.b;
  };
}
//~ and
const o = {
  g(a) {
    return a.b;
  },
};
//~ and
const o = {
  g: (a) => {
    return a.b;
  },
};
//~ and
exports.g = function g(a) {
  return a.b;
};
//~ and
A.prototype.g = function (a) {
  return a.b;
};
//~ same: async
async function f(a) {
  await a;
}
//~ and
class A {
  async g(a) {
    await a;
  }
}
//~ same: grouping that says nothing
function f(a, b) {
  return (a * b) + (a.c(b)) === ((a)) && !(b);
}
//~ and
function f(a, b) {
  return a * b + a.c(b) === a && !b;
}
//~ same: JSX
function f(a) {
  return (
    <div className={a.b} onClick={() => a.c()}>
      some text
    </div>
  );
}
//~ and
function f(p) {
  return <div className={p.b} onClick={() => p.c()}>some text</div>;
}
//~ shape: literals
function f(a) {
  return a.b("one", 1, /x/g, `t`);
}
//~ and
function f(a) {
  return a.b("two", 1, /x/g, `t`);
}
//~ and
function f(a) {
  return a.b("one", 2.5, /x/g, `t`);
}
//~ and
function f(a) {
  return a.b("one", 1, /y/, `t`);
}
//~ and
function f(a) {
  return a.b("one", 1, /x/g, `u`);
}
//~ shape: text around an interpolation
function f(a) {
  return `${a} one`;
}
//~ and
function f(a) {
  return `${a} two`;
}
//~ differ: called name
function f(a) {
  return g(a);
}
//~ and
function f(a) {
  return h(a);
}
//~ differ: attribute
function f(a) {
  return a.b;
}
//~ and
function f(a) {
  return a.c;
}
//~ and
function f(a) {
  return a?.b;
}
//~ differ: operator
function f(a) {
  return a === 1;
}
//~ and
function f(a) {
  return a == 1;
}
//~ and
function f(a) {
  return a !== 1;
}
//~ differ: order
function f(a, b) {
  return g(a, b);
}
//~ and
function f(a, b) {
  return g(b, a);
}
//~ differ: keys
function f(a) {
  return { b: a };
}
//~ and
function f(a) {
  return { c: a };
}
//~ differ: keys named as the local
function f(a) {
  return { a: 1, b: a };
}
//~ and
function f(b) {
  return { b: 1, b: b };
}
//~ differ: shorthand keys
function f(x) {
  const { a } = x;
  return a;
}
//~ and
function f(x) {
  const { b } = x;
  return b;
}
//~ differ: shorthand keys of what is returned
function f(x) {
  const a = x;
  return { a };
}
//~ and
function f(x) {
  const b = x;
  return { b };
}
//~ differ: keys named as the function
function f(a) {
  return { f: a };
}
//~ and
function g(a) {
  return { g: a };
}
//~ differ: interpolated
function f(a, b) {
  return `${a}`;
}
//~ and
function f(a, b) {
  return `${b}`;
}
//~ differ: generator and async
function f(a) {
  return a;
}
//~ and
function* f(a) {
  return a;
}
//~ and
async function f(a) {
  return a;
}
//~ differ: accessor
class A {
  get f() {
    return this.b;
  }
}
//~ and
class A {
  f() {
    return this.b;
  }
}
//~ differ: grouping that counts
function f(a, b) {
  return (a + b) * 2;
}
//~ and
function f(a, b) {
  return a + b * 2;
}
//~ differ: grouping of a condition
function f(a, b) {
  if (a) -b;
}
//~ and
function f(a, b) {
  if (a - b);
}
//~ differ: optional chain in a group
function f(a) {
  return (a?.b).c;
}
//~ and
function f(a) {
  return a?.b.c;
}
//~ differ: sequence
function f(a, b) {
  return g((a, b));
}
//~ and
function f(a, b) {
  return g(a, b);
}
//~ differ: object or block
function f(a) {
  return () => ({});
}
//~ and
function f(a) {
  return () => {};
}
//~ differ: which local
function f(a) {
  const b = 1, c = 2;
  return b;
}
//~ and
function f(a) {
  const b = 1, c = 2;
  return c;
}
//~ differ: JSX attribute
function f(a) {
  return <div title={a} />;
}
//~ and
function f(a) {
  return <div name={a} />;
}
//~ differ: rest
function f(...a) {
  return a;
}
//~ and
function f(a) {
  return a;
}
//~ same: recursion
function f(a) {
  return a > 0 ? f(a - 1) : a;
}
//~ and
const g = (n) => {
  return n > 0 ? g(n - 1) : n;
};
//~ differ: methods that call a function of their name
class A {
  f() {
    return f(this.b);
  }
}
//~ and
class A {
  g() {
    return g(this.b);
  }
}
//~ same: parentheses around an object
function about(name) {
  const all = { name };
  return { all, size: 1 };
}
//~ and
function about(name) {
  const all = ({ name });
  return ({ all, size: 1 });
}
//~ differ: an object and a block behind an arrow
function both(names) {
  return names.map((name) => ({ name }));
}
//~ and
function both(names) {
  return names.map((name) => { name });
}
