//~ path src/Card.spec.tsx
function renderCard() { //~ function renderCard test
  return render(<Card />);
}
