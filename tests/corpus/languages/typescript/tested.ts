//~ path src/__tests__/text.ts
function helper(): number { //~ function helper test
  function inner() { //~ function helper.inner test local
    return 1;
  }
  return inner();
}
