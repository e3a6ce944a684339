//~ same: layout
function f(items: string[], limit: number): Pair | null {
  if (items.length > limit) {
    return [items[0], { a: items[1], b: "c" }];
  }
  return null;
}
//~ and
function f(
  items: string[],
  limit: number,
): Pair | null
{
  if (items.length > limit)
  {
    return ([items[0], { a: items[1], b: 'c', }])
  }
  return null
}
//~ same: comments
function f(a: A) {
  return a.b;
}
//~ and
function f(a: A /* here */): /* there */ B {
  // everywhere
  return a.b;
}
//~ same: types
function f(a: string, b?: number): string {
  const c: string = a;
  return g(c, b);
}
//~ and
function f<T extends string>(a: T, b: number | undefined) {
  const c = a as unknown as T;
  return g<T>(c!, b satisfies number);
}
//~ and .js
function f(a, b) {
  const c = a;
  return g(c, b);
}
//~ same: the JavaScript twin of a method
class A {
  private static async f(a: string): Promise<void> {
    await this.b?.(a);
  }
}
//~ and .js
class A {
  async f(a) {
    await this.b?.(a);
  }
}
//~ and
class B {
  public async g(x?: string) {
    await this.b?.(x);
  }
}
//~ same: guards
function f(a: unknown): a is string {
  return typeof a === "string";
}
//~ and
function f(a: unknown): asserts a is string {
  return typeof a === "string";
}
//~ and .js
const f = (b) => {
  return typeof b === "string";
};
//~ same: renamed locals
const f = async ({ a, b: c }: Props, d = 1, ...e: string[]): Promise<void> => {
  for (const [g, h] of Object.entries(e)) {
    await a(g, h, c, d);
  }
};
//~ and
const f = async ({ a, b: x }: Props, y = 1, ...z: string[]): Promise<void> => {
  for (const [v, w] of Object.entries(z)) {
    await a(v, w, x, y);
  }
};
//~ shape: literals
function f(a: A) {
  return a.b("one", 1);
}
//~ and
function f(a: A) {
  return a.b("two", 1);
}
//~ and
function f(a: A) {
  return a.b("one", 2);
}
//~ differ: called name
function f(a: A) {
  return g(a);
}
//~ and
function f(a: A) {
  return h(a);
}
//~ differ: attribute
function f(a: A) {
  return a.b;
}
//~ and
function f(a: A) {
  return a.c;
}
//~ differ: operator
function f(a: number) {
  return a << 1;
}
//~ and
function f(a: number) {
  return a >> 1;
}
//~ and
function f(a: number) {
  return a >>> 1;
}
//~ differ: order
function f(a: A, b: B) {
  return g(a, b);
}
//~ and
function f(a: A, b: B) {
  return g(b, a);
}
//~ differ: decorator
class A {
  f() {
    return this.b;
  }
}
//~ and
class A {
  @memoize()
  f() {
    return this.b;
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
