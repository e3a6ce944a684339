//~ path src/components/Card.tsx
//~ from src/components/Page.tsx
// Shows a card.
export function Card({ title, onClose }: Props): JSX.Element { //~ function Card doc="Shows a card." signature="export function Card({ title, onClose }: Props): JSX.Element" import=`import { Card } from "./Card";`
  const close = useCallback(() => {
    function done() { //~ function Card.done local branch
      onClose();
    }
    done();
  }, [onClose]);
  return <div onClick={close}>{title}</div>;
}

export const Empty: FC = () => null; //~ function Empty trivial

export const List = <T,>({ items }: { items: T[] }) => { //~ function List
  return (
    <ul>
      {items.map((item) => (
        <li key={item.id}>{item.name}</li>
      ))}
    </ul>
  );
};
