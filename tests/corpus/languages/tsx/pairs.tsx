//~ same: layout
function F({ a }: Props) {
  return (
    <div className={a.b} {...a.rest}>
      some text {a.c}
    </div>
  );
}
//~ and
function F({ a }: Props) {
  return <div className={a.b} {...a.rest}>some text {a.c}</div>;
}
//~ and .jsx
const G = ({ a }) => {
  return <div className={a.b} {...a.rest}>some text {a.c}</div>
}
//~ same: comments
const F = () => {
  return <A b="c" />;
};
//~ and
const F = () => {
  // here
  return <A /* there */ b="c" />;
};
//~ same: renamed locals
function F(props: Props) {
  const items = props.items.map((item) => <Item key={item.id} {...item} />);
  return <List>{items}</List>;
}
//~ and
function F(p: Props) {
  const all = p.items.map((one) => <Item key={one.id} {...one} />);
  return <List>{all}</List>;
}
//~ shape: literals
const F = () => {
  return <A b="c" />;
};
//~ and
const F = () => {
  return <A b="d" />;
};
//~ differ: called name
const F = () => {
  return <A b="c" />;
};
//~ and
const F = () => {
  return <B b="c" />;
};
//~ differ: attribute
const F = (a: A) => {
  return <A b={a.c} />;
};
//~ and
const F = (a: A) => {
  return <A b={a.d} />;
};
//~ and
const F = (a: A) => {
  return <A d={a.c} />;
};
//~ differ: operator
const F = (a: A) => {
  return a && <A />;
};
//~ and
const F = (a: A) => {
  return a || <A />;
};
//~ differ: order
const F = (a: A, b: B) => {
  return <A a={a} b={b} />;
};
//~ and
const F = (a: A, b: B) => {
  return <A a={b} b={a} />;
};
