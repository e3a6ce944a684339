//~ path src/text.test.js
describe("slugs", () => {
  function helper() { //~ function helper test local branch
    return 1;
  }
  it("are short", () => {
    expect(helper()).toBe(1);
  });
});
